#include "app/admin_server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <sys/stat.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "app/admin_socket.h"
#include "app/config/pem_file.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/quote.h"

namespace registry::app {
namespace {

constexpr mode_t kSocketMode = 0600;

absl::StatusOr<PemFiles> ReadFiles(const AdminServerOptions& options) {
  return ReadPemFiles({.certificate = {"-grpccertfile", options.certificate_file},
                       .private_key = {"-grpckeyfile", options.private_key_file},
                       .ca = {"-grpccafile", options.ca_file}});
}

}  // namespace

absl::StatusOr<std::unique_ptr<AdminServer>> AdminServer::Start(grpc::Service& service,
                                                                const AdminServerOptions& options) {
  const bool has_socket = FitsSocket(options.socket_path);
  if (!has_socket && !options.address.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the path of the admin API's socket ", base::Quote(options.socket_path),
        " is too long for a socket: choose a shorter -datadir, or give -grpcaddr for TCP"));
  }
  std::unique_ptr<AdminServer> result(new AdminServer(options));
  // Applies to every server built after this call. The process's other servers already exist.
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  builder.RegisterService(&service);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, base::kMaxAdminStreams);
  builder.AddChannelArgument(
      GRPC_ARG_MAX_CONNECTION_IDLE_MS,
      static_cast<int>(std::chrono::milliseconds(base::kAdminIdleTimeout).count()));
  // Fail if the address is in use, instead of sharing its connections.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  int socket_port = 0;
  int tcp_port = 0;
  if (has_socket) {
    builder.AddListeningPort(SocketTarget(options.socket_path), grpc::InsecureServerCredentials(),
                             &socket_port);
  }
  if (options.address.has_value()) {
    absl::StatusOr<PemFiles> files = ReadFiles(options);
    if (!files.ok()) return files.status();
    result->tls_ = std::make_shared<RenewableCredentials>(*std::move(files));
    HostPort address = *options.address;
    if (address.host.empty()) address.host = "::";
    builder.AddListeningPort(address.ToString(), result->tls_, &tcp_port);
  }

  // Keeps others out of the socket before chmod, too. Other threads may create folders meanwhile,
  // so owners keep all rights.
  const mode_t mask = ::umask(0077);
  result->server_ = builder.BuildAndStart();
  ::umask(mask);
  if (has_socket && socket_port == 0) {
    return absl::UnavailableError(
        absl::StrCat("the admin API cannot listen on the socket ", base::Quote(options.socket_path),
                     ": remove the file or folder there, or choose a -datadir on a "
                     "file system that supports sockets"));
  }
  if (options.address.has_value() && tcp_port == 0) {
    return absl::UnavailableError(
        absl::StrCat("the admin API cannot listen on ", base::Quote(options.address->ToString()),
                     ": it is in use, or not an address of this machine; give another -grpcaddr"));
  }
  if (result->server_ == nullptr) return absl::InternalError("the admin API cannot start");
  if (has_socket && ::chmod(options.socket_path.c_str(), kSocketMode) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot set the mode of ", options.socket_path));
  }
  if (!has_socket) {
    base::LogWarning("the admin API has no socket: the path is too long",
                     {{"path", options.socket_path}});
  }
  if (options.address.has_value()) {
    HostPort address = *options.address;
    address.port = static_cast<uint16_t>(tcp_port);
    base::LogInfo("the admin API is listening", {{"address", address.ToString()}});
  }
  return result;
}

AdminServer::~AdminServer() {
  if (server_ != nullptr) {
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
  }
}

absl::Status AdminServer::RenewCertificates() {
  absl::StatusOr<PemFiles> files = ReadFiles(options_);
  if (!files.ok()) return files.status();
  tls_->Use(*std::move(files));
  return absl::OkStatus();
}

}  // namespace registry::app
