#include "app/compose.h"

#include <grpcpp/grpcpp.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "app/admin_server.h"
#include "app/admin_socket.h"
#include "app/config/pem_file.h"
#include "app/data_folder.h"
#include "app/renewals.h"
#include "base/limits.h"
#include "controlplane/control_plane.h"
#include "controlplane/policy/error.h"
#include "dataplane/storage_node.h"
#include "gateway/gateway.h"

namespace registry::app {
namespace {

// A server that does not listen; only InProcessChannel reaches it.
std::unique_ptr<grpc::Server> StartInProcess(const std::vector<grpc::Service*>& services) {
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(base::kMaxGrpcMessageBytes);
  for (grpc::Service* service : services) builder.RegisterService(service);
  return builder.BuildAndStart();
}

absl::StatusOr<http::TlsIdentity> ReadTlsIdentity(const std::string& certificate,
                                                  const std::string& key) {
  absl::StatusOr<PemFiles> files =
      ReadPemFiles({.certificate = {"certfile", certificate}, .private_key = {"keyfile", key}});
  if (!files.ok()) return files.status();
  return http::TlsIdentity{.certificate = std::move(files->certificate),
                           .private_key = std::move(files->private_key)};
}

std::shared_ptr<grpc::Channel> ChannelTo(grpc::Server& server) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(base::kMaxGrpcMessageBytes);
  return server.InProcessChannel(arguments);
}

absl::StatusOr<controlplane::ConfiguredPolicy> LoadNoPolicy() {
  return controlplane::NothingToReload(
      "nothing to reload: the policy comes from flags, not from -cfgdir");
}

}  // namespace

// In construction order: later members use earlier ones.
struct Registry::Parts {
  std::unique_ptr<DataFolder> data_folder;
  std::unique_ptr<dataplane::StorageNode> storage_node;
  std::unique_ptr<grpc::Server> storage_server;
  std::unique_ptr<controlplane::ControlPlane> control_plane;
  std::unique_ptr<grpc::Server> control_plane_server;
  std::unique_ptr<AdminServer> admin_server;
  std::unique_ptr<gateway::Gateway> gateway;
  std::unique_ptr<Renewals> renewals;
};

Registry::Registry(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

absl::StatusOr<std::unique_ptr<Registry>> Registry::Start(RegistryOptions options) {
  grpc::EnableDefaultHealthCheckService(true);
  std::unique_ptr<Registry> registry(new Registry(std::make_unique<Parts>()));
  Parts& parts = *registry->parts_;

  auto data_folder = DataFolder::Lock(options.data_directory);
  if (!data_folder.ok()) return data_folder.status();
  parts.data_folder = *std::move(data_folder);

  // The data plane: blob bytes.
  dataplane::StorageNodeOptions storage_options;
  storage_options.root = parts.data_folder->path() + "/storage";
  auto storage_node = dataplane::StorageNode::Open(storage_options);
  if (!storage_node.ok()) return storage_node.status();
  parts.storage_node = *std::move(storage_node);
  parts.storage_server = StartInProcess({parts.storage_node->service()});
  parts.storage_node->ReportHealth(parts.storage_server->GetHealthCheckService());

  // The control plane: access policy and metadata. It gives orders to the storage node.
  controlplane::ControlPlaneOptions control_options;
  control_options.database =
      options.database.empty() ? parts.data_folder->path() + "/metadata.db" : options.database;
  control_options.policy = std::move(options.policy);
  control_options.load_policy = options.load_policy ? options.load_policy : LoadNoPolicy;
  control_options.token_secret = options.token_secret;
  control_options.token_lifetime = options.token_lifetime;
  control_options.sparse_repositories = options.sparse_repositories;
  control_options.upload_limits = options.upload_limits;
  control_options.storage_nodes = {{parts.storage_node->id(), ChannelTo(*parts.storage_server)}};
  auto control_plane = controlplane::ControlPlane::Open(std::move(control_options));
  if (!control_plane.ok()) return control_plane.status();
  parts.control_plane = *std::move(control_plane);
  parts.control_plane_server = StartInProcess(parts.control_plane->services());
  parts.control_plane->ReportHealth(parts.control_plane_server->GetHealthCheckService());

  // The admin API. The last gRPC server, because reflection would be on for every later one; before
  // the gateway, so that no client is served by a registry that then fails to start.
  AdminServerOptions admin_options;
  admin_options.socket_path = AdminSocketPath(parts.data_folder->path());
  admin_options.address = options.admin_address;
  admin_options.certificate_file = options.admin_certificate_file;
  admin_options.private_key_file = options.admin_private_key_file;
  admin_options.ca_file = options.admin_ca_file;
  const FileState admin_files(
      {options.admin_certificate_file, options.admin_private_key_file, options.admin_ca_file});
  auto admin_server = AdminServer::Start(*parts.control_plane->admin_service(), admin_options);
  if (!admin_server.ok()) return admin_server.status();
  parts.admin_server = *std::move(admin_server);

  // The gateway: HTTP. It asks the control plane and moves bytes from and to the storage node.
  gateway::GatewayOptions gateway_options;
  gateway_options.host = options.host;
  gateway_options.port = options.port;
  const FileState tls_files({options.certificate_file, options.private_key_file});
  if (!options.certificate_file.empty()) {
    auto identity = ReadTlsIdentity(options.certificate_file, options.private_key_file);
    if (!identity.ok()) return identity.status();
    gateway_options.tls = *std::move(identity);
  }
  gateway_options.trusted_proxies = std::move(options.trusted_proxies);
  gateway_options.public_url = std::move(options.public_url);
  gateway_options.max_connections_per_client = static_cast<size_t>(options.client_connections);
  gateway_options.max_requests_per_client = options.client_requests;
  gateway_options.max_requests_per_user = options.user_requests;
  gateway_options.control_plane = ChannelTo(*parts.control_plane_server);
  gateway_options.storage_nodes = {{parts.storage_node->id(), ChannelTo(*parts.storage_server)}};
  auto gateway = gateway::Gateway::Start(std::move(gateway_options));
  if (!gateway.ok()) return gateway.status();
  parts.gateway = *std::move(gateway);

  // Renewed while the rest runs.
  parts.renewals = std::make_unique<Renewals>();
  if (!tls_files.empty()) {
    const auto renew = [&parts, certificate = options.certificate_file,
                        key = options.private_key_file] {
      const auto identity = ReadTlsIdentity(certificate, key);
      return identity.ok() ? parts.gateway->UseCertificate(*identity) : identity.status();
    };
    parts.renewals->Add({.name = "the certificate of HTTPS", .files = tls_files, .renew = renew});
  }
  if (!admin_files.empty()) {
    parts.renewals->Add({.name = "the certificates of the admin API",
                         .files = admin_files,
                         .renew = [&parts] { return parts.admin_server->RenewCertificates(); }});
  }
  if (options.load_token_secret) {
    const auto renew = [&parts, load = options.load_token_secret] {
      const absl::StatusOr<std::string> secret = load();
      return secret.ok() ? parts.control_plane->UseTokenSecret(*secret) : secret.status();
    };
    parts.renewals->Add(
        {.name = "the token secret", .files = options.token_secret_file, .renew = renew});
  }
  if (options.load_policy || parts.renewals->empty()) {
    parts.renewals->Add({.name = "the policy",
                         .files = options.policy_files,
                         .renew = [&parts] { return parts.control_plane->ReloadPolicy(); },
                         .always_on_demand = true,
                         .logs_itself = true});
  }
  parts.renewals->Start();
  return registry;
}

std::string Registry::address() const { return parts_->gateway->address(); }

void Registry::ReloadFiles() { parts_->renewals->CheckNow(); }

void Registry::AnnounceStop() { parts_->gateway->AnnounceStop(); }

size_t Registry::Stop(std::chrono::milliseconds timeout) { return parts_->gateway->Stop(timeout); }

void Registry::CutOff() { parts_->gateway->CutOff(); }

// Stops from the outside in; work left in the planes is finished or safe to cut off.
Registry::~Registry() {
  const auto now = std::chrono::system_clock::now;
  parts_->renewals.reset();
  parts_->admin_server.reset();
  parts_->gateway.reset();
  if (parts_->control_plane) parts_->control_plane->Shutdown();
  if (parts_->control_plane_server) {
    parts_->control_plane_server->Shutdown(now() + std::chrono::seconds(1));
  }
  parts_->control_plane_server.reset();
  parts_->control_plane.reset();
  if (parts_->storage_node) parts_->storage_node->ReportHealth(nullptr);
  if (parts_->storage_server) parts_->storage_server->Shutdown(now() + std::chrono::seconds(1));
  parts_->storage_server.reset();
  parts_->storage_node.reset();
}

}  // namespace registry::app
