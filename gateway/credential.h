// The credential that a request presents, and how one is asked for.
//
// Thread-safe. Source: RFC 7617 (Basic), RFC 6750 (Bearer); Docker token specification
// (distribution docs, spec/auth/token).
#ifndef REGISTRY_GATEWAY_CREDENTIAL_H_
#define REGISTRY_GATEWAY_CREDENTIAL_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gateway/access_decision.h"
#include "gateway/http/message.h"
#include "registry/v1/access.pb.h"

namespace registry::gateway {

// The `service` of challenges and the audience of tokens.
inline constexpr absl::string_view kTokenService = "simple-registry";

// What the Authorization header holds; nothing set without one, or when user name and password are
// both empty.
// Error: UNAUTHORIZED for several headers, and for what is neither Basic nor Bearer. Its message
// shows none of them.
absl::StatusOr<v1::Credential> ParseCredential(const Request& request);

// The WWW-Authenticate header of a refusal: how to get a token for `actions`.
std::string Challenge(const Request& request, const std::vector<v1::Action>& actions,
                      AccessDecision decision);

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_CREDENTIAL_H_
