#include "app/pem_file.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>
#include <fstream>
#include <memory>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "oci/error.h"

namespace registry::app {
namespace {

absl::Status Wrong(const PemFileNames::Name& name) {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  const std::string why = reason == nullptr ? "unexpected content" : reason;
  ERR_clear_error();
  return absl::InvalidArgumentError(absl::StrCat(name.flag, " ", oci::Quote(name.path),
                                                 " cannot be used: ", why, "; give a PEM file"));
}

absl::StatusOr<std::string> Read(const PemFileNames::Name& name) {
  std::ifstream file(name.path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  if (!file.good()) {
    return absl::ErrnoToStatus(errno,
                               absl::StrCat(name.flag, ": cannot read ", oci::Quote(name.path)));
  }
  return content.str();
}

}  // namespace

absl::StatusOr<PemFiles> ReadPemFiles(const PemFileNames& names) {
  // Read the files first: the system's error says better than OpenSSL's why a file is unreadable.
  PemFiles files;
  const std::pair<const PemFileNames::Name*, std::string*> reads[] = {
      {&names.certificate, &files.certificate},
      {&names.private_key, &files.private_key},
      {&names.ca, &files.ca}};
  for (const auto& [name, content] : reads) {
    absl::StatusOr<std::string> read = Read(*name);
    if (!read.ok()) return read.status();
    *content = *std::move(read);
  }
  const std::unique_ptr<SSL_CTX, decltype(&::SSL_CTX_free)> context(
      ::SSL_CTX_new(::TLS_server_method()), &::SSL_CTX_free);
  if (context == nullptr) return absl::InternalError("OpenSSL cannot create a context");
  const char* certificate = names.certificate.path.c_str();
  if (::SSL_CTX_use_certificate_chain_file(context.get(), certificate) != 1) {
    return Wrong(names.certificate);
  }
  const char* private_key = names.private_key.path.c_str();
  if (::SSL_CTX_use_PrivateKey_file(context.get(), private_key, SSL_FILETYPE_PEM) != 1) {
    return Wrong(names.private_key);
  }
  if (::SSL_CTX_load_verify_file(context.get(), names.ca.path.c_str()) != 1) {
    return Wrong(names.ca);
  }
  return files;
}

}  // namespace registry::app
