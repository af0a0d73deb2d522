// Names: repositories, tags, and references (a tag or a digest).
//
// Values are immutable and always valid; all functions are thread-safe.
// Source: distribution-spec spec.md#pulling-manifests.
#ifndef REGISTRY_OCI_NAME_H_
#define REGISTRY_OCI_NAME_H_

#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "oci/digest.h"

namespace registry::oci {

// A repository's name, for example "library/ubuntu". At most 255 bytes.
class RepositoryName {
 public:
  // Error: NAME_INVALID; it names `text` and the rule it breaks.
  static absl::StatusOr<RepositoryName> Parse(absl::string_view text);

  const std::string& ToString() const { return text_; }
  friend bool operator==(const RepositoryName&, const RepositoryName&) = default;

 private:
  explicit RepositoryName(std::string text) : text_(std::move(text)) {}

  std::string text_;
};

// A tag, for example "v1.2". At most 128 bytes.
class Tag {
 public:
  // Error: MANIFEST_INVALID; it names `text` and the rule it breaks.
  static absl::StatusOr<Tag> Parse(absl::string_view text);

  const std::string& ToString() const { return text_; }
  friend bool operator==(const Tag&, const Tag&) = default;

 private:
  explicit Tag(std::string text) : text_(std::move(text)) {}

  std::string text_;
};

// Names a manifest in a repository.
using Reference = std::variant<Tag, Digest>;

// Text with a colon is a digest; any other text is a tag. Errors: DIGEST_INVALID, MANIFEST_INVALID.
absl::StatusOr<Reference> ParseReference(absl::string_view text);

const std::string& ToString(const Reference& reference);

}  // namespace registry::oci

#endif  // REGISTRY_OCI_NAME_H_
