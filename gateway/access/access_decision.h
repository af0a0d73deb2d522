// Authorization decisions of the control plane.
#ifndef REGISTRY_GATEWAY_ACCESS_ACCESS_DECISION_H_
#define REGISTRY_GATEWAY_ACCESS_ACCESS_DECISION_H_

namespace registry::gateway {

enum class AccessDecision {
  kAllowed,
  // The request has no credential, and anonymous clients may not do this.
  kCredentialRequired,
  kCredentialInvalid,
  kTokenInvalid,
  // A token with more scopes would be allowed.
  kInsufficientScope,
  kDenied,
};

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_ACCESS_ACCESS_DECISION_H_
