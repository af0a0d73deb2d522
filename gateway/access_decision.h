// How the control plane answers the question whether a request may go on.
#ifndef REGISTRY_GATEWAY_ACCESS_DECISION_H_
#define REGISTRY_GATEWAY_ACCESS_DECISION_H_

namespace registry::gateway {

enum class AccessDecision {
  kAllowed,
  // No credential, and anonymous clients may not do this.
  kCredentialRequired,
  kCredentialInvalid,
  kTokenInvalid,
  // A token with more scope would be allowed.
  kInsufficientScope,
  kDenied,
};

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_ACCESS_DECISION_H_
