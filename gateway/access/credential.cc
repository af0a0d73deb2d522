#include "gateway/access/credential.h"

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/http/public_url.h"
#include "base/utf8.h"
#include "oci/error.h"
#include "oci/scope.h"

namespace registry::gateway {
namespace {

absl::Status BadCredential(absl::string_view why) {
  return oci::MakeError(oci::ErrorCode::kUnauthorized,
                        absl::StrCat("malformed Authorization header: ", why));
}

absl::string_view TokenAction(v1::Verb verb) {
  switch (verb) {
    case v1::VERB_GET:
    case v1::VERB_HEAD:
      return "pull";
    case v1::VERB_DELETE:
      return "delete";
    default:
      return "push";
  }
}

// The scopes that a token needs for `actions`. Pushing also needs pulling, and clients expect both
// in one challenge.
std::string ScopeOf(const std::vector<v1::Action>& actions) {
  std::vector<std::string> scopes;
  std::map<std::string, std::set<std::string, std::greater<>>> repositories;
  for (const v1::Action& action : actions) {
    if (action.resource() == v1::RESOURCE_CATALOG) {
      scopes.push_back("registry:catalog:*");
      continue;
    }
    auto& wanted = repositories[action.repository()];
    wanted.insert(std::string(TokenAction(action.verb())));
    if (TokenAction(action.verb()) == "push") wanted.insert("pull");
  }
  for (auto& [name, wanted] : repositories) {
    std::vector<std::string> ordered;
    for (const char* action : {"pull", "push", "delete"}) {
      if (wanted.contains(action)) ordered.push_back(action);
    }
    scopes.push_back(absl::StrCat("repository:", name, ":", absl::StrJoin(ordered, ",")));
  }
  return absl::StrJoin(scopes, " ");
}

}  // namespace

absl::StatusOr<v1::Credential> ParseCredential(const http::Request& request) {
  v1::Credential credential;
  const absl::string_view header = absl::StripAsciiWhitespace(request.Header("Authorization"));
  // A proxy in front of this registry may have checked the other one.
  if (request.head.count("Authorization") > 1) return BadCredential("there are several headers");
  if (header.empty()) return credential;
  const size_t space = header.find(' ');
  if (space == absl::string_view::npos) return BadCredential("it has no credential");
  if (!base::IsUtf8Text(header)) return BadCredential("it is not UTF-8 text");
  const absl::string_view scheme = header.substr(0, space);
  const absl::string_view rest = absl::StripAsciiWhitespace(header.substr(space));
  if (absl::EqualsIgnoreCase(scheme, "bearer")) {
    credential.set_bearer_token(std::string(rest));
    return credential;
  }
  if (!absl::EqualsIgnoreCase(scheme, "basic")) {
    return BadCredential("its scheme must be Basic or Bearer");
  }
  std::string decoded;
  if (!absl::Base64Unescape(rest, &decoded)) return BadCredential("it is not base64");
  if (!base::IsUtf8Text(decoded)) return BadCredential("it does not contain UTF-8 text");
  const size_t colon = decoded.find(':');
  if (colon == std::string::npos) return BadCredential("it has no colon after the user name");
  // podman sends this after a logout.
  if (decoded == ":") return credential;
  credential.mutable_basic()->set_username(decoded.substr(0, colon));
  credential.mutable_basic()->set_password(decoded.substr(colon + 1));
  return credential;
}

std::string Challenge(const http::Request& request, const std::vector<v1::Action>& actions,
                      AccessDecision decision) {
  std::string challenge = absl::StrCat("Bearer realm=\"", http::PublicUrl(request),
                                       "/token\",service=\"", oci::kTokenService, "\"");
  if (!actions.empty()) absl::StrAppend(&challenge, ",scope=\"", ScopeOf(actions), "\"");
  if (decision == AccessDecision::kTokenInvalid) challenge += ",error=\"invalid_token\"";
  if (decision == AccessDecision::kInsufficientScope) challenge += ",error=\"insufficient_scope\"";
  return challenge;
}

}  // namespace registry::gateway
