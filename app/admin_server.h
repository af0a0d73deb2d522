// gRPC server of the admin API: on a socket in the data folder, for root and the user who runs the
// registry, and on TCP with mutual TLS, for administrators with a certificate from the given CA.
//
// Reflection is on, so that generic clients such as grpcurl need no copy of the .proto files.
// Thread-safe.
#ifndef REGISTRY_APP_ADMIN_SERVER_H_
#define REGISTRY_APP_ADMIN_SERVER_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "app/config/host_port.h"
#include "app/renewable_credentials.h"

namespace registry::app {

struct AdminServerOptions {
  // Start replaces a socket file left over there. If the system does not allow so long a path, the
  // server has no socket; without an address too, that is an error.
  std::string socket_path;
  // TCP address, with PEM files: the server's certificate and key, and the CA of the clients.
  std::optional<HostPort> address;
  std::string certificate_file;
  std::string private_key_file;
  std::string ca_file;
};

class AdminServer {
 public:
  // `service` must outlive the server. Errors name the file or address and the remedy.
  static absl::StatusOr<std::unique_ptr<AdminServer>> Start(grpc::Service& service,
                                                            const AdminServerOptions& options);

  // Reads the PEM files again and uses them for new connections over TCP. Error: as above, and the
  // server keeps the old ones.
  absl::Status RenewCertificates();

  // Cancels calls that do not finish within a second.
  ~AdminServer();

  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

 private:
  explicit AdminServer(AdminServerOptions options) : options_(std::move(options)) {}

  const AdminServerOptions options_;
  // Null when it does not listen on TCP. The server uses it.
  std::shared_ptr<RenewableCredentials> tls_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace registry::app

#endif  // REGISTRY_APP_ADMIN_SERVER_H_
