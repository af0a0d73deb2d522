// Content digests: `<algorithm>:<hex>`.
//
// Values are immutable and always valid; all functions are thread-safe.
// Source: image-spec descriptor.md#digests.
#ifndef REGISTRY_OCI_DIGEST_H_
#define REGISTRY_OCI_DIGEST_H_

#include <compare>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace registry::oci {

enum class DigestAlgorithm { kSha256, kSha512 };

// "sha256" or "sha512".
absl::string_view DigestAlgorithmName(DigestAlgorithm algorithm);

// The reverse. Error: DIGEST_INVALID; it names the value and the supported algorithms.
absl::StatusOr<DigestAlgorithm> ParseDigestAlgorithm(absl::string_view name);

class Digest {
 public:
  // Error: DIGEST_INVALID that says what is wrong with `text`.
  static absl::StatusOr<Digest> Parse(absl::string_view text);

  // `raw_hash` is the binary hash; its size must be that of the algorithm.
  static Digest FromHash(DigestAlgorithm algorithm, absl::string_view raw_hash);

  DigestAlgorithm algorithm() const { return algorithm_; }
  absl::string_view algorithm_name() const { return DigestAlgorithmName(algorithm_); }
  // Lower-case hexadecimal.
  absl::string_view hex() const;
  const std::string& ToString() const { return text_; }

  friend auto operator<=>(const Digest& a, const Digest& b) { return a.text_ <=> b.text_; }
  friend bool operator==(const Digest& a, const Digest& b) { return a.text_ == b.text_; }

 private:
  Digest(DigestAlgorithm algorithm, std::string text)
      : algorithm_(algorithm), text_(std::move(text)) {}

  DigestAlgorithm algorithm_;
  std::string text_;
};

}  // namespace registry::oci

#endif  // REGISTRY_OCI_DIGEST_H_
