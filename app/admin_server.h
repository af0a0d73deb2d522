// Where administrators reach the control plane: a socket in the data folder, for the user who runs
// the registry and root, and TCP with mutual TLS, for whoever has a certificate of the right CA.
//
// Reflection is on, so that generic clients such as grpcurl need no copy of the contract.
// Thread-safe.
#ifndef REGISTRY_APP_ADMIN_SERVER_H_
#define REGISTRY_APP_ADMIN_SERVER_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "app/host_port.h"

namespace registry::app {

struct AdminServerOptions {
  // A socket file that was left there is replaced. When the path is longer than the system allows
  // there is no socket, which is an error without an address.
  std::string socket_path;
  // For TCP, with PEM files: the server's certificate and key, and the CA that signs clients'.
  std::optional<HostPort> address;
  std::string certificate_file;
  std::string private_key_file;
  std::string ca_file;
};

class AdminServer {
 public:
  // `service` must outlive the server. Errors are sentences that name the file or address and the
  // remedy.
  static absl::StatusOr<std::unique_ptr<AdminServer>> Start(grpc::Service& service,
                                                            const AdminServerOptions& options);

  // Cuts off calls that do not end within a second.
  ~AdminServer();

  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

 private:
  explicit AdminServer(std::unique_ptr<grpc::Server> server) : server_(std::move(server)) {}

  const std::unique_ptr<grpc::Server> server_;
};

}  // namespace registry::app

#endif  // REGISTRY_APP_ADMIN_SERVER_H_
