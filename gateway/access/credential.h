// Reads the credential of a request, and makes challenges that ask for one.
//
// Thread-safe. Source: RFC 7617 (Basic), RFC 6750 (Bearer); Docker token specification
// (distribution docs, spec/auth/token).
#ifndef REGISTRY_GATEWAY_ACCESS_CREDENTIAL_H_
#define REGISTRY_GATEWAY_ACCESS_CREDENTIAL_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/http/message.h"
#include "gateway/access/access_decision.h"
#include "registry/v1/access.pb.h"

namespace registry::gateway {

// Reads the Authorization header. Nothing is set without one, or if user name and password are both
// empty.
// Error: UNAUTHORIZED for several headers, and for schemes other than Basic and Bearer. Its message
// does not show the header.
absl::StatusOr<v1::Credential> ParseCredential(const http::Request& request);

// The WWW-Authenticate header of a refusal: says how to get a token for `actions`.
std::string Challenge(const http::Request& request, const std::vector<v1::Action>& actions,
                      AccessDecision decision);

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_ACCESS_CREDENTIAL_H_
