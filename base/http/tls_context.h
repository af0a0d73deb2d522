// Makes the TLS context of the HTTP server from its certificate and key.
//
// Thread-safe.
#ifndef REGISTRY_BASE_HTTP_TLS_CONTEXT_H_
#define REGISTRY_BASE_HTTP_TLS_CONTEXT_H_

#include <boost/asio/ssl/context.hpp>
#include <memory>

#include "absl/status/statusor.h"
#include "base/http/tls_identity.h"

namespace registry::http {

// Speaks TLS 1.2 and 1.3. Connections that began with it may outlive it.
// Error: INVALID_ARGUMENT with OpenSSL's reason.
absl::StatusOr<std::shared_ptr<boost::asio::ssl::context>> MakeTlsContext(
    const TlsIdentity& identity);

}  // namespace registry::http

#endif  // REGISTRY_BASE_HTTP_TLS_CONTEXT_H_
