// Digests, names of repositories, tags and references: the parsers accept exactly what the
// regular expressions of the specification say, and it comes out as it went in.

#include <regex>
#include <string>

#include "absl/strings/escaping.h"
#include "oci/digest.h"
#include "oci/name.h"
#include "tests/fuzz/check.h"

namespace registry::oci {
namespace {

using fuzz::CheckClientError;

bool Matches(absl::string_view text, const std::regex& pattern) {
  return std::regex_match(text.begin(), text.end(), pattern);
}

void CheckDigest(absl::string_view text) {
  static const std::regex kDigest("sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128}");
  const absl::StatusOr<Digest> digest = Digest::Parse(text);
  FUZZ_CHECK(digest.ok() == (text.size() <= 135 && Matches(text, kDigest)));
  if (!digest.ok()) return CheckClientError(digest.status(), ErrorCode::kDigestInvalid);
  FUZZ_CHECK(digest->ToString() == text);
  FUZZ_CHECK(*ParseDigestAlgorithm(digest->algorithm_name()) == digest->algorithm());
  const std::string raw_hash = absl::HexStringToBytes(digest->hex());
  FUZZ_CHECK(Digest::FromHash(digest->algorithm(), raw_hash) == *digest);
}

void CheckRepositoryName(absl::string_view text) {
  static const std::regex kName(
      R"([a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*)");
  const absl::StatusOr<RepositoryName> name = RepositoryName::Parse(text);
  FUZZ_CHECK(name.ok() == (text.size() <= 255 && Matches(text, kName)));
  if (!name.ok()) return CheckClientError(name.status(), ErrorCode::kNameInvalid);
  FUZZ_CHECK(name->ToString() == text);
}

void CheckTagAndReference(absl::string_view text) {
  static const std::regex kTag("[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}");
  const absl::StatusOr<Tag> tag = Tag::Parse(text);
  FUZZ_CHECK(tag.ok() == (text.size() <= 128 && Matches(text, kTag)));
  if (tag.ok()) {
    FUZZ_CHECK(tag->ToString() == text);
  } else {
    CheckClientError(tag.status(), ErrorCode::kManifestInvalid);
  }

  const absl::StatusOr<Reference> reference = ParseReference(text);
  const bool is_digest = text.find(':') != absl::string_view::npos;
  FUZZ_CHECK(reference.ok() == (is_digest ? Digest::Parse(text).ok() : tag.ok()));
  if (reference.ok()) {
    FUZZ_CHECK(ToString(*reference) == text);
    FUZZ_CHECK(std::holds_alternative<Digest>(*reference) == is_digest);
  } else {
    CheckClientError(reference.status(),
                     is_digest ? ErrorCode::kDigestInvalid : ErrorCode::kManifestInvalid);
  }
}

}  // namespace
}  // namespace registry::oci

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text = registry::fuzz::ToText(data, size);
  registry::oci::CheckDigest(text);
  registry::oci::CheckRepositoryName(text);
  registry::oci::CheckTagAndReference(text);
  return 0;
}
