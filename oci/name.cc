#include "oci/name.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/quote.h"
#include "oci/error.h"

namespace registry::oci {
namespace {

bool IsLowerAlnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool IsWord(char c) { return IsLowerAlnum(c) || (c >= 'A' && c <= 'Z') || c == '_'; }

// [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*
bool IsNameComponent(absl::string_view text) {
  size_t i = 0;
  while (true) {
    const size_t start = i;
    while (i < text.size() && IsLowerAlnum(text[i])) ++i;
    if (i == start) return false;
    if (i == text.size()) return true;
    const size_t separator = i;
    while (i < text.size() && text[i] == text[separator]) ++i;
    const size_t length = i - separator;
    switch (text[separator]) {
      case '.':
        if (length > 1) return false;
        break;
      case '_':
        if (length > 2) return false;
        break;
      case '-':
        break;
      default:
        return false;
    }
  }
}

}  // namespace

absl::StatusOr<RepositoryName> RepositoryName::Parse(absl::string_view text) {
  constexpr size_t kMaxBytes = 255;
  if (text.size() > kMaxBytes) {
    return MakeError(ErrorCode::kNameInvalid,
                     absl::StrCat("invalid repository name ", base::Quote(text), ": ", text.size(),
                                  " bytes, but at most ", kMaxBytes, " are allowed"));
  }
  // StrSplit yields no component for a null view.
  bool valid = !text.empty();
  for (absl::string_view component : absl::StrSplit(text, '/')) {
    valid = valid && IsNameComponent(component);
  }
  if (!valid) {
    return MakeError(ErrorCode::kNameInvalid,
                     absl::StrCat("invalid repository name ", base::Quote(text),
                                  ": each part between slashes must be lower-case letters and "
                                  "digits, separated by one of . _ __ or dashes"));
  }
  return RepositoryName(std::string(text));
}

absl::StatusOr<Tag> Tag::Parse(absl::string_view text) {
  constexpr size_t kMaxBytes = 128;
  const bool valid = !text.empty() && text.size() <= kMaxBytes && IsWord(text[0]) &&
                     std::all_of(text.begin(), text.end(),
                                 [](char c) { return IsWord(c) || c == '.' || c == '-'; });
  if (!valid) {
    return MakeError(ErrorCode::kManifestInvalid,
                     absl::StrCat("invalid tag ", base::Quote(text), ": a tag has 1 to ", kMaxBytes,
                                  " letters, digits, underscores, dots and dashes, and does not "
                                  "begin with a dot or a dash"));
  }
  return Tag(std::string(text));
}

absl::StatusOr<Reference> ParseReference(absl::string_view text) {
  if (text.find(':') != absl::string_view::npos) {
    absl::StatusOr<Digest> digest = Digest::Parse(text);
    if (!digest.ok()) return digest.status();
    return *std::move(digest);
  }
  absl::StatusOr<Tag> tag = Tag::Parse(text);
  if (!tag.ok()) return tag.status();
  return *std::move(tag);
}

const std::string& ToString(const Reference& reference) {
  return std::visit([](const auto& value) -> const std::string& { return value.ToString(); },
                    reference);
}

}  // namespace registry::oci
