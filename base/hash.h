// Cryptographic hashes and random identifiers, with OpenSSL.
//
// Use a Hasher from one thread at a time; the functions are thread-safe. A failure here means that
// memory or the entropy source is gone, so it aborts the process.
#ifndef REGISTRY_BASE_HASH_H_
#define REGISTRY_BASE_HASH_H_

#include <openssl/types.h>

#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace registry::base {

// Hashes bytes as they stream by.
//
//   Hasher hasher("sha256");
//   hasher.Update(chunk);
//   std::string raw = hasher.Finish();
class Hasher {
 public:
  // `algorithm`: an OpenSSL digest name, "sha256" or "sha512".
  explicit Hasher(const char* algorithm);

  void Update(absl::string_view bytes);

  // The binary hash of all bytes so far. The caller may go on with Update or Finish.
  std::string Finish() const;

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const;
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

// HMAC-SHA-256, binary.
std::string HmacSha256(absl::string_view key, absl::string_view message);

// Compares in time that depends on the sizes only.
bool ConstantTimeEquals(absl::string_view a, absl::string_view b);

std::string RandomBytes(size_t count);

// A UUID of version 7 (RFC 9562): sorts by creation time, in milliseconds.
std::string NewUuid7();

// Returns true for a lower-case UUID of any version: 8-4-4-4-12 hexadecimal digits.
bool IsUuid(absl::string_view text);

}  // namespace registry::base

#endif  // REGISTRY_BASE_HASH_H_
