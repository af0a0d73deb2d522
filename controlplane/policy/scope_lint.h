// Finds scopes of role bindings that certainly match nothing, to warn of them. Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_POLICY_SCOPE_LINT_H_
#define REGISTRY_CONTROLPLANE_POLICY_SCOPE_LINT_H_

#include "absl/strings/string_view.h"

namespace registry::controlplane {

// Returns true if a scope matches repositories but certainly no "repository:tag", as ^team/app$
// does. When in doubt, false.
bool ScopeNeverMatchesTag(absl::string_view scope);

// Returns true if a scope certainly matches neither a repository nor the catalog, as ^TEAM/.+$
// does: names are lower case. When in doubt, false.
bool ScopeNeverMatches(absl::string_view scope);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_POLICY_SCOPE_LINT_H_
