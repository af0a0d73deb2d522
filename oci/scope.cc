#include "oci/scope.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace registry::oci {

std::string Scope::ToString() const {
  return absl::StrCat(type, ":", name, ":", absl::StrJoin(actions, ","));
}

std::vector<Scope> ParseScopes(absl::string_view text) {
  std::vector<Scope> scopes;
  for (absl::string_view item : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    // The name may contain a colon (host:port/name), so the type ends at the first colon and the
    // actions begin after the last one.
    const size_t first = item.find(':');
    const size_t last = item.rfind(':');
    if (first == absl::string_view::npos || first == last) continue;
    absl::string_view type = item.substr(0, first);
    type = type.substr(0, type.find('('));
    Scope scope{.type = std::string(type),
                .name = std::string(item.substr(first + 1, last - first - 1)),
                .actions = absl::StrSplit(item.substr(last + 1), ',', absl::SkipEmpty())};
    if (scope.type.empty() || scope.name.empty()) continue;
    scopes.push_back(std::move(scope));
  }
  return scopes;
}

}  // namespace registry::oci
