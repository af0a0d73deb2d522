// Compiles scopes of role bindings, and bounds the names that a scope can match, so that catalog
// requests read only names within the bounds. Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_POLICY_SCOPE_BOUNDS_H_
#define REGISTRY_CONTROLPLANE_POLICY_SCOPE_BOUNDS_H_

#include <re2/re2.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace registry::controlplane {

// Bounds the cost of any scope.
const re2::RE2::Options& ScopeOptions();

// Says why RE2 rejects the expression; nullopt if it is valid.
std::optional<std::string> RegexProblem(absl::string_view regex);

// The top-level alternatives of a valid expression: two for `^a|b`. nullopt if unclear.
std::optional<std::vector<absl::string_view>> AlternativesOf(absl::string_view pattern);

// Names from `first` to `last`, inclusive, in bytewise order.
struct NameRange {
  std::string first;
  std::string last;
};

// Bounds of every "name" and "name:tag" in which the valid expression finds a match. The bounds may
// be wider than necessary. nullopt if it finds no bounds.
std::optional<NameRange> BoundsOf(const re2::RE2& expression);

// Adds the names within the bounds, and names that are within them only with ":tag" appended.
void AddNamesWithin(const NameRange& bounds, std::vector<NameRange>& ranges);

// The same names in sorted, disjoint ranges.
std::vector<NameRange> MergeRanges(std::vector<NameRange> ranges);

// Returns true if a text within the bounds can begin with `prefix`, which is not empty.
bool MayBeginWith(const NameRange& bounds, absl::string_view prefix);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_POLICY_SCOPE_BOUNDS_H_
