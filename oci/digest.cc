#include "oci/digest.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/quote.h"
#include "oci/error.h"

namespace registry::oci {
namespace {

constexpr size_t HexSize(DigestAlgorithm algorithm) {
  return algorithm == DigestAlgorithm::kSha256 ? 64 : 128;
}

absl::Status Invalid(absl::string_view text, absl::string_view why) {
  return MakeError(ErrorCode::kDigestInvalid,
                   absl::StrCat("invalid digest ", base::Quote(text), ": ", why));
}

}  // namespace

absl::string_view DigestAlgorithmName(DigestAlgorithm algorithm) {
  return algorithm == DigestAlgorithm::kSha256 ? "sha256" : "sha512";
}

absl::StatusOr<DigestAlgorithm> ParseDigestAlgorithm(absl::string_view name) {
  if (name == "sha256") return DigestAlgorithm::kSha256;
  if (name == "sha512") return DigestAlgorithm::kSha512;
  return MakeError(ErrorCode::kDigestInvalid,
                   absl::StrCat("unsupported digest algorithm ", base::Quote(name),
                                ": sha256 and sha512 are supported"));
}

absl::StatusOr<Digest> Digest::Parse(absl::string_view text) {
  const size_t colon = text.find(':');
  if (colon == absl::string_view::npos) {
    return Invalid(text, "it must look like sha256:<64 hexadecimal digits>");
  }
  absl::StatusOr<DigestAlgorithm> algorithm = ParseDigestAlgorithm(text.substr(0, colon));
  if (!algorithm.ok()) return algorithm.status();
  const absl::string_view hex = text.substr(colon + 1);
  if (hex.size() != HexSize(*algorithm)) {
    return Invalid(text, absl::StrCat(DigestAlgorithmName(*algorithm), " has ", HexSize(*algorithm),
                                      " hexadecimal digits, not ", hex.size()));
  }
  const bool lower_hex = std::all_of(hex.begin(), hex.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
  if (!lower_hex) return Invalid(text, "only the digits 0-9 and a-f are allowed");
  return Digest(*algorithm, std::string(text));
}

Digest Digest::FromHash(DigestAlgorithm algorithm, absl::string_view raw_hash) {
  return Digest(algorithm, absl::StrCat(DigestAlgorithmName(algorithm), ":",
                                        absl::BytesToHexString(raw_hash)));
}

absl::string_view Digest::hex() const {
  return absl::string_view(text_).substr(algorithm_name().size() + 1);
}

}  // namespace registry::oci
