#include "base/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace registry::base {
namespace {

void Require(bool ok, const char* what) {
  if (ok) return;
  std::fprintf(stderr, "%s failed\n", what);
  std::abort();
}

}  // namespace

void Hasher::Free::operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }

Hasher::Hasher(const char* algorithm) : context_(EVP_MD_CTX_new()) {
  const EVP_MD* digest = EVP_get_digestbyname(algorithm);
  Require(context_ != nullptr && digest != nullptr &&
              EVP_DigestInit_ex(context_.get(), digest, nullptr) == 1,
          "EVP_DigestInit_ex");
}

void Hasher::Update(absl::string_view bytes) {
  Require(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1, "EVP_DigestUpdate");
}

std::string Hasher::Finish() const {
  std::unique_ptr<EVP_MD_CTX, Free> copy(EVP_MD_CTX_new());
  Require(copy != nullptr && EVP_MD_CTX_copy_ex(copy.get(), context_.get()) == 1,
          "EVP_MD_CTX_copy_ex");
  unsigned char raw[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  Require(EVP_DigestFinal_ex(copy.get(), raw, &size) == 1, "EVP_DigestFinal_ex");
  return std::string(reinterpret_cast<char*>(raw), size);
}

std::string HmacSha256(absl::string_view key, absl::string_view message) {
  unsigned char raw[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  Require(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
               reinterpret_cast<const unsigned char*>(message.data()), message.size(), raw,
               &size) != nullptr,
          "HMAC");
  return std::string(reinterpret_cast<char*>(raw), size);
}

bool ConstantTimeEquals(absl::string_view a, absl::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string RandomBytes(size_t count) {
  std::string bytes(count, '\0');
  // From the kernel: OpenSSL keeps a generator per thread, and gRPC's threads may outlive OpenSSL's
  // clean-up when the process exits.
  for (size_t done = 0; done < count;) {
    const ssize_t got = ::getrandom(bytes.data() + done, count - done, 0);
    Require(got > 0 || errno == EINTR, "getrandom");
    if (got > 0) done += static_cast<size_t>(got);
  }
  return bytes;
}

std::string NewUuid7() {
  std::string raw = RandomBytes(16);
  const uint64_t millis =
      static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                std::chrono::system_clock::now().time_since_epoch())
                                .count());
  for (int i = 0; i < 6; ++i) raw[i] = static_cast<char>(millis >> (8 * (5 - i)));
  raw[6] = static_cast<char>(0x70 | (raw[6] & 0x0f));
  raw[8] = static_cast<char>(0x80 | (raw[8] & 0x3f));
  const std::string hex = absl::BytesToHexString(raw);
  const absl::string_view view = hex;
  return absl::StrCat(view.substr(0, 8), "-", view.substr(8, 4), "-", view.substr(12, 4), "-",
                      view.substr(16, 4), "-", view.substr(20));
}

bool IsUuid(absl::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    if (dash ? c != '-' : !hex) return false;
  }
  return true;
}

}  // namespace registry::base
