// What a token is asked, issued and good for: actions in the terms of token scopes.
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

// Whether a token that was issued for `access` may be used for the action. "*" is every action.
bool Covers(const std::vector<oci::Scope>& access, const Action& action);

// The part of `asked` that the policy allows to the user (nullptr: anonymous). Without actions when
// that is nothing, also for a type or name that this registry does not know.
oci::Scope GrantableScope(const Policy& policy, const User* user, const oci::Scope& asked);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_TOKEN_SCOPES_H_
