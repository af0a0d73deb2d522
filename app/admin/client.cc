#include "app/admin/client.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <future>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "app/admin_socket.h"
#include "app/config/pem_file.h"
#include "base/grpc_status.h"
#include "base/limits.h"
#include "base/quote.h"
#include "registry/v1/admin.grpc.pb.h"

namespace registry::app::admin {
namespace {

// "" if the system has no name for the user, or a name that a header cannot carry.
std::string NameOfUser() {
  std::vector<char> buffer(4096);
  passwd entry;
  passwd* found = nullptr;
  ::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found);
  const std::string name = found == nullptr ? "" : found->pw_name;
  return std::all_of(name.begin(), name.end(), absl::ascii_isprint) ? name : "";
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MutualTls(const Target& target) {
  const absl::StatusOr<PemFiles> files =
      ReadPemFiles({.certificate = {"-clientcertfile", target.client_cert_file},
                    .private_key = {"-clientkeyfile", target.client_key_file},
                    .ca = {"-servercafile", target.server_ca_file}});
  if (!files.ok()) return files.status();
  return grpc::SslCredentials({.pem_root_certs = files->ca,
                               .pem_private_key = files->private_key,
                               .pem_cert_chain = files->certificate});
}

}  // namespace

absl::StatusOr<std::unique_ptr<Client>> Client::Create(const Target& target) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(base::kMaxGrpcMessageBytes);
  if (target.server.has_value()) {
    const absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> tls = MutualTls(target);
    if (!tls.ok()) return tls.status();
    const std::string address = target.server->ToString();
    return std::unique_ptr<Client>(
        new Client(grpc::CreateCustomChannel(address, *tls, arguments), address));
  }
  const std::string path = AdminSocketPath(target.data_dir);
  if (!FitsSocket(path)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the path ", base::Quote(path),
                     " is too long for a socket: change to that folder and give -datadir ."));
  }
  if (::access(path.c_str(), F_OK) != 0) {
    return absl::UnavailableError(absl::StrCat(
        base::Quote(path), " does not exist",
        ": give the -datadir of a running registry, or -server for a registry elsewhere"));
  }
  return std::unique_ptr<Client>(new Client(
      grpc::CreateCustomChannel(SocketTarget(path), grpc::InsecureChannelCredentials(), arguments),
      path));
}

absl::Status Client::Call(absl::string_view method, const google::protobuf::Message& request,
                          google::protobuf::Message& response) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + base::kRpcDeadline);
  // For the audit log; over TCP the certificate names the administrator.
  context.AddMetadata("x-local-user", NameOfUser());
  std::promise<grpc::Status> done;
  stub_.UnaryCall(&context, absl::StrCat("/", v1::AdminService::service_full_name(), "/", method),
                  {}, &request, &response,
                  [&done](grpc::Status status) { done.set_value(std::move(status)); });
  absl::Status status = base::FromGrpcStatus(done.get_future().get());
  if (absl::IsDeadlineExceeded(status)) {
    return absl::DeadlineExceededError(
        absl::StrCat("the registry at ", base::Quote(where_), " did not answer within ",
                     base::kRpcDeadline.count(), " s; check whether it made the change"));
  }
  if (!absl::IsUnavailable(status)) return status;
  // Otherwise the registry is up, and its message gives the reason.
  const bool unreachable = absl::StrContains(status.message(), "connect");
  return absl::UnavailableError(
      absl::StrCat("the registry at ", base::Quote(where_), " does not answer: ", status.message(),
                   unreachable ? "; check that it is running and that you may connect to it" : ""));
}

}  // namespace registry::app::admin
