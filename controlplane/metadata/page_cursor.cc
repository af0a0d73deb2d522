#include "controlplane/metadata/page_cursor.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/hash.h"
#include "oci/error.h"

namespace registry::controlplane {
namespace {

constexpr absl::string_view kMark = "~";
constexpr size_t kNonceBytes = 12;
constexpr size_t kTagBytes = 16;
// A name, padded with NULs.
constexpr size_t kPaddedBytes = 256;

using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, decltype(&::EVP_CIPHER_CTX_free)>;

unsigned char* Bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* Bytes(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// OpenSSL fails here only if out of memory.
void Require(int result) {
  if (result != 1) std::abort();
}

absl::Status NotOurs() {
  return oci::MakeError(oci::ErrorCode::kQueryInvalid,
                        "the query parameter last is not a valid page cursor for this list: follow "
                        "the Link header of the previous page, or give a name");
}

}  // namespace

PageCursor::PageCursor(absl::string_view secret) { UseSecret(secret); }

void PageCursor::UseSecret(absl::string_view secret) {
  std::string key = base::HmacSha256(secret, "simple-registry: places in lists, 1");
  std::lock_guard lock(mutex_);
  key_ = std::move(key);
}

std::string PageCursor::key() const {
  std::lock_guard lock(mutex_);
  return key_;
}

std::string PageCursor::Seal(absl::string_view name) const {
  const CipherContext context(::EVP_CIPHER_CTX_new(), &::EVP_CIPHER_CTX_free);
  if (context == nullptr) std::abort();
  const std::string key = this->key();
  const std::string nonce = base::RandomBytes(kNonceBytes);
  std::string text(name.substr(0, kPaddedBytes - 1));
  text.resize(kPaddedBytes);
  std::string sealed(kPaddedBytes, '\0');
  std::string tag(kTagBytes, '\0');
  int size = 0;
  Require(
      ::EVP_EncryptInit_ex(context.get(), ::EVP_aes_256_gcm(), nullptr, Bytes(key), Bytes(nonce)));
  Require(::EVP_EncryptUpdate(context.get(), Bytes(sealed), &size, Bytes(text), kPaddedBytes));
  Require(::EVP_EncryptFinal_ex(context.get(), Bytes(sealed) + size, &size));
  Require(::EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, tag.data()));
  return absl::StrCat(kMark, absl::WebSafeBase64Escape(absl::StrCat(nonce, tag, sealed)));
}

absl::StatusOr<std::string> PageCursor::Open(absl::string_view place) const {
  if (!absl::ConsumePrefix(&place, kMark)) return std::string(place);
  std::string cursor;
  // Compare with the re-encoded text, because decoding ignores padding, blanks and unused bits.
  if (!absl::WebSafeBase64Unescape(place, &cursor) ||
      cursor.size() != kNonceBytes + kTagBytes + kPaddedBytes ||
      absl::WebSafeBase64Escape(cursor) != place) {
    return NotOurs();
  }
  const std::string key = this->key();
  const std::string nonce = cursor.substr(0, kNonceBytes);
  std::string tag = cursor.substr(kNonceBytes, kTagBytes);
  const std::string sealed = cursor.substr(kNonceBytes + kTagBytes);
  const CipherContext context(::EVP_CIPHER_CTX_new(), &::EVP_CIPHER_CTX_free);
  if (context == nullptr) std::abort();
  std::string text(kPaddedBytes, '\0');
  int size = 0;
  Require(
      ::EVP_DecryptInit_ex(context.get(), ::EVP_aes_256_gcm(), nullptr, Bytes(key), Bytes(nonce)));
  Require(::EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()));
  Require(::EVP_DecryptUpdate(context.get(), Bytes(text), &size, Bytes(sealed), kPaddedBytes));
  if (::EVP_DecryptFinal_ex(context.get(), Bytes(text) + size, &size) != 1) return NotOurs();
  text.resize(std::min(text.find('\0'), text.size()));
  return text;
}

}  // namespace registry::controlplane
