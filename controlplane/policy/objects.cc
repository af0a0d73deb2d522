#include "controlplane/policy/objects.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/quote.h"
#include "base/utf8.h"

namespace registry::controlplane {

absl::string_view ResourceName(Resource resource) {
  constexpr absl::string_view kNames[] = {"catalog", "blobs", "manifests", "tags"};
  return kNames[static_cast<size_t>(resource)];
}

absl::string_view VerbName(Verb verb) {
  constexpr absl::string_view kNames[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
  return kNames[static_cast<size_t>(verb)];
}

std::optional<Resource> ParseResource(absl::string_view name) {
  for (const Resource resource : kAllResources) {
    if (ResourceName(resource) == name) return resource;
  }
  return std::nullopt;
}

std::optional<Verb> ParseVerb(absl::string_view name) {
  for (const Verb verb : kAllVerbs) {
    if (absl::EqualsIgnoreCase(VerbName(verb), name)) return verb;
  }
  return std::nullopt;
}

std::string HashTokenValue(absl::string_view value) {
  base::Hasher hasher("sha256");
  hasher.Update(value);
  return absl::BytesToHexString(hasher.Finish());
}

bool IsTokenText(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isgraph(static_cast<unsigned char>(c)); });
}

absl::string_view NameProblem(absl::string_view name) {
  if (name.empty()) return "is empty; give it a name";
  if (name.size() > kMaxNameBytes) return "is longer than 255 bytes; shorten it";
  return base::HasControlCharacter(name) ? "has a control character; remove it" : "";
}

absl::Status ValidateUserName(absl::string_view name) {
  absl::string_view why;
  if (name.empty()) {
    why = "it is empty";
  } else if (name.size() > kMaxNameBytes) {
    why = "it is longer than 255 bytes";
  } else if (!base::IsUtf8Text(name)) {
    why = "it is not UTF-8";
  } else if (absl::StrContains(name, ':') || base::HasControlCharacter(name)) {
    why = "it must not contain a colon or a control character";
  } else {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("invalid user name ", base::Quote(name), ": ", why));
}

}  // namespace registry::controlplane
