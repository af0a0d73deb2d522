// Mutual TLS of a gRPC server whose certificate, key and CAs can be replaced while it runs.
//
//   auto tls = std::make_shared<RenewableCredentials>(files);
//   builder.AddListeningPort(address, tls);
//   …
//   tls->Use(new_files);
//
// Existing connections keep their files. Must outlive the server. Thread-safe.
#ifndef REGISTRY_APP_RENEWABLE_CREDENTIALS_H_
#define REGISTRY_APP_RENEWABLE_CREDENTIALS_H_

#include <grpc/grpc_security.h>
#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <mutex>
#include <string>

#include "absl/base/thread_annotations.h"
#include "app/config/pem_file.h"

namespace registry::app {

class RenewableCredentials final : public grpc::ServerCredentials {
 public:
  // Clients need a certificate that a CA of `files.ca` has signed.
  explicit RenewableCredentials(PemFiles files);
  ~RenewableCredentials() override;

  RenewableCredentials(const RenewableCredentials&) = delete;
  RenewableCredentials& operator=(const RenewableCredentials&) = delete;

  // Uses `files`, from ReadPemFiles, for new connections.
  void Use(PemFiles files);

  // Not supported; does nothing.
  void SetAuthMetadataProcessor(const std::shared_ptr<grpc::AuthMetadataProcessor>&) override {}

 private:
  int AddPortToServer(const std::string& address, grpc_server* server) override;

  // gRPC asks for the certificate of each connection.
  static grpc_ssl_certificate_config_reload_status Fetch(
      void* self, grpc_ssl_server_certificate_config** config);

  std::mutex mutex_;
  PemFiles files_ ABSL_GUARDED_BY(mutex_);
  grpc_server_credentials* const credentials_;
};

}  // namespace registry::app

#endif  // REGISTRY_APP_RENEWABLE_CREDENTIALS_H_
