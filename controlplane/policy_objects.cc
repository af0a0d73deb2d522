#include "controlplane/policy_objects.h"

#include "absl/strings/match.h"

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

}  // namespace registry::controlplane
