#include "base/http/tls_context.h"

#include <openssl/ssl.h>

#include <boost/asio/buffer.hpp>

#include "absl/strings/str_cat.h"

namespace registry::http {

namespace asio = boost::asio;

absl::StatusOr<std::shared_ptr<asio::ssl::context>> MakeTlsContext(const TlsIdentity& identity) {
  auto tls = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
  SSL_CTX* context = tls->native_handle();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  // Clients keep their sessions themselves, in tickets. They could fill a cache of sessions here.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  boost::system::error_code error;
  // OpenSSL would ask for the passphrase of an encrypted key at the terminal, and wait.
  tls->set_password_callback([](size_t, asio::ssl::context::password_purpose) { return ""; },
                             error);
  if (!error) tls->use_certificate_chain(asio::buffer(identity.certificate), error);
  if (error) {
    return absl::InvalidArgumentError(
        absl::StrCat("the certificate cannot be used: ", error.message()));
  }
  tls->use_private_key(asio::buffer(identity.private_key), asio::ssl::context::pem, error);
  if (error) {
    return absl::InvalidArgumentError(
        absl::StrCat("the key of the certificate cannot be used: ", error.message()));
  }
  return tls;
}

}  // namespace registry::http
