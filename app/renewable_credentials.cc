#include "app/renewable_credentials.h"

#include <grpc/grpc.h>

#include <utility>

namespace registry::app {

RenewableCredentials::RenewableCredentials(PemFiles files)
    : files_(std::move(files)),
      credentials_(::grpc_ssl_server_credentials_create_with_options(
          ::grpc_ssl_server_credentials_create_options_using_config_fetcher(
              GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY, &Fetch, this))) {}

RenewableCredentials::~RenewableCredentials() { ::grpc_server_credentials_release(credentials_); }

void RenewableCredentials::Use(PemFiles files) {
  std::lock_guard lock(mutex_);
  files_ = std::move(files);
}

int RenewableCredentials::AddPortToServer(const std::string& address, grpc_server* server) {
  return ::grpc_server_add_http2_port(server, address.c_str(), credentials_);
}

grpc_ssl_certificate_config_reload_status RenewableCredentials::Fetch(
    void* self, grpc_ssl_server_certificate_config** config) {
  auto& credentials = *static_cast<RenewableCredentials*>(self);
  std::lock_guard lock(credentials.mutex_);
  const PemFiles& files = credentials.files_;
  const grpc_ssl_pem_key_cert_pair pair{.private_key = files.private_key.c_str(),
                                        .cert_chain = files.certificate.c_str()};
  *config = ::grpc_ssl_server_certificate_config_create(files.ca.c_str(), &pair, 1);
  // Even if it is the same: administrators connect rarely, so keeping state is not worth it.
  return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
}

}  // namespace registry::app
