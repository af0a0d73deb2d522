// Maps actions to the scopes that clients request and tokens grant.
//
// Thread-safe. Source: Docker token specification (distribution docs, spec/auth/scope).
#ifndef REGISTRY_CONTROLPLANE_ACCESS_TOKEN_SCOPES_H_
#define REGISTRY_CONTROLPLANE_ACCESS_TOKEN_SCOPES_H_

#include <vector>

#include "controlplane/policy/policy.h"
#include "oci/scope.h"

namespace registry::controlplane {

// The smallest scope that covers the action: `repository:NAME:pull`, `registry:catalog:*`.
oci::Scope ScopeFor(const Action& action);

// The scopes of a token request that fit into one token, and the names of those that do not.
struct AskedScopes {
  std::vector<oci::Scope> kept;
  std::vector<std::string> left_out;
};

// Merges scopes of the same type and name into one, at the position of the last of them, and keeps
// the last `max` of the result: a client that asks for all scopes used so far needs the newest.
AskedScopes MergeScopes(const std::vector<oci::Scope>& asked, size_t max);

// The part of `asked` that the policy allows to the user (nullptr: anonymous). Has no actions if
// the policy allows nothing, or if the type or name is unknown.
oci::Scope GrantableScope(const Policy& policy, const User* user, const oci::Scope& asked);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_ACCESS_TOKEN_SCOPES_H_
