// Maps actions to the scopes that clients request and tokens grant.
//
// Thread-safe. Source: Docker token specification (distribution docs, spec/auth/scope).
#ifndef REGISTRY_CONTROLPLANE_TOKEN_SCOPES_H_
#define REGISTRY_CONTROLPLANE_TOKEN_SCOPES_H_

#include <vector>

#include "controlplane/policy.h"
#include "oci/scope.h"

namespace registry::controlplane {

// The smallest scope that covers the action: `repository:NAME:pull`, `registry:catalog:*`.
oci::Scope ScopeFor(const Action& action);

// Returns true if a token with `access` covers the action. "*" covers every action.
bool Covers(const std::vector<oci::Scope>& access, const Action& action);

// The part of `asked` that the policy allows to the user (nullptr: anonymous). Has no actions if
// the policy allows nothing, or if the type or name is unknown.
oci::Scope GrantableScope(const Policy& policy, const User* user, const oci::Scope& asked);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_TOKEN_SCOPES_H_
