#include "app/config/pem_file.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <cerrno>
#include <fstream>
#include <memory>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "base/quote.h"

namespace registry::app {
namespace {

using Context = std::unique_ptr<SSL_CTX, decltype(&::SSL_CTX_free)>;
using Certificate = std::unique_ptr<X509, decltype(&::X509_free)>;
using PrivateKey = std::unique_ptr<EVP_PKEY, decltype(&::EVP_PKEY_free)>;
using Bio = std::unique_ptr<BIO, decltype(&::BIO_free)>;

absl::Status Wrong(const PemFileNames::Name& name, absl::string_view why) {
  ERR_clear_error();
  return absl::InvalidArgumentError(
      absl::StrCat(name.flag, " ", base::Quote(name.path), " cannot be used: ", why));
}

// Error with OpenSSL's reason.
absl::Status Wrong(const PemFileNames::Name& name) {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  return Wrong(
      name, absl::StrCat(reason == nullptr ? "unexpected content" : reason, "; give a PEM file"));
}

absl::StatusOr<std::string> Read(const PemFileNames::Name& name) {
  std::ifstream file(name.path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  if (!file.good()) {
    return absl::ErrnoToStatus(errno,
                               absl::StrCat(name.flag, ": cannot read ", base::Quote(name.path)));
  }
  return content.str();
}

Bio Reader(const std::string& pem) {
  return Bio(::BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &::BIO_free);
}

// Replaces OpenSSL's callback, which asks for a passphrase at the terminal. `asked` is a bool.
int NoPassphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

Certificate NextCertificate(BIO* bio) {
  bool asked = false;
  return {::PEM_read_bio_X509(bio, nullptr, &NoPassphrase, &asked), &::X509_free};
}

absl::Status CheckCertificate(const PemFileNames::Name& name, const std::string& pem,
                              SSL_CTX* context) {
  const Bio bio = Reader(pem);
  const Certificate first = NextCertificate(bio.get());
  if (first == nullptr || ::SSL_CTX_use_certificate(context, first.get()) != 1) return Wrong(name);
  while (const Certificate next = NextCertificate(bio.get())) {
    if (::SSL_CTX_add1_chain_cert(context, next.get()) != 1) return Wrong(name);
  }
  // The error that says that there are no more certificates.
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) return Wrong(name);
  ERR_clear_error();
  return absl::OkStatus();
}

// Also checks that it is the certificate's key.
absl::Status CheckPrivateKey(const PemFileNames::Name& name, const std::string& pem,
                             SSL_CTX* context) {
  bool asked = false;
  const Bio bio = Reader(pem);
  const PrivateKey key(::PEM_read_bio_PrivateKey(bio.get(), nullptr, &NoPassphrase, &asked),
                       &::EVP_PKEY_free);
  if (asked) {
    return Wrong(
        name,
        absl::StrCat("it is encrypted, and the registry cannot ask for the passphrase; decrypt "
                     "it with: openssl pkey -in ",
                     name.path, " -out FILE"));
  }
  if (key == nullptr || ::SSL_CTX_use_PrivateKey(context, key.get()) != 1) return Wrong(name);
  return absl::OkStatus();
}

absl::Status CheckAuthorities(const PemFileNames::Name& name, const std::string& pem) {
  const Bio bio = Reader(pem);
  if (NextCertificate(bio.get()) == nullptr) return Wrong(name);
  while (NextCertificate(bio.get()) != nullptr) {
  }
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) return Wrong(name);
  ERR_clear_error();
  return absl::OkStatus();
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
    if (name->path.empty()) continue;
    absl::StatusOr<std::string> read = Read(*name);
    if (!read.ok()) return read.status();
    *content = *std::move(read);
  }
  const Context context(::SSL_CTX_new(::TLS_server_method()), &::SSL_CTX_free);
  if (context == nullptr) return absl::InternalError("OpenSSL cannot create a context");
  absl::Status status = CheckCertificate(names.certificate, files.certificate, context.get());
  if (status.ok()) status = CheckPrivateKey(names.private_key, files.private_key, context.get());
  if (status.ok() && !names.ca.path.empty()) status = CheckAuthorities(names.ca, files.ca);
  if (!status.ok()) return status;
  return files;
}

}  // namespace registry::app
