// How scopes of role bindings are compiled, and where the names can be that one matches, so that
// listing the catalog reads only these. Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_SCOPE_BOUNDS_H_
#define REGISTRY_CONTROLPLANE_SCOPE_BOUNDS_H_

#include <re2/re2.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace registry::controlplane {

// So that no scope costs much, whatever it is.
const re2::RE2::Options& ScopeOptions();

// The alternatives of a valid expression outside of all parentheses, two of `^a|b`. nullopt when
// that is not clear.
std::optional<std::vector<absl::string_view>> AlternativesOf(absl::string_view pattern);

// Names from `first` to `last`, both included, in the order of their bytes.
struct NameRange {
  std::string first;
  std::string last;
};

// Bounds of every "name" and "name:tag" in which the valid expression finds a match; they may be
// wider than need be. nullopt when there are none to tell.
std::optional<NameRange> BoundsOf(const re2::RE2& expression);

// Adds the names that lie between the bounds, and those that do so only with ":tag" behind them.
void AddNamesWithin(const NameRange& bounds, std::vector<NameRange>& ranges);

// The same names in ranges that are in order and apart from each other.
std::vector<NameRange> MergeRanges(std::vector<NameRange> ranges);

// Whether there is a text between the bounds that begins with `prefix`, which is not empty.
bool MayBeginWith(const NameRange& bounds, absl::string_view prefix);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_SCOPE_BOUNDS_H_
