// The certificate of the HTTP server and its key.
#ifndef REGISTRY_BASE_HTTP_TLS_IDENTITY_H_
#define REGISTRY_BASE_HTTP_TLS_IDENTITY_H_

#include <string>

namespace registry::http {

// PEM texts, not the names of files.
struct TlsIdentity {
  // Includes its chain.
  std::string certificate;
  std::string private_key;
};

}  // namespace registry::http

#endif  // REGISTRY_BASE_HTTP_TLS_IDENTITY_H_
