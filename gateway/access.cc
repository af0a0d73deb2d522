#include "gateway/access.h"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <map>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/utf8.h"
#include "oci/error.h"

namespace registry::gateway {
namespace {

namespace asio = boost::asio;
using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, Executor>;

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

// What a token must be issued for so that `actions` can be allowed. Pushing needs pulling too,
// and clients expect both in one challenge.
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

// Clients follow the realm, so it names this registry as they see it.
std::string Realm(const Request& request) {
  absl::string_view scheme = request.secure ? "https" : "http";
  const absl::string_view forwarded = request.Header("X-Forwarded-Proto");
  if (absl::EqualsIgnoreCase(forwarded, "https")) scheme = "https";
  if (absl::EqualsIgnoreCase(forwarded, "http")) scheme = "http";
  std::string host(request.Header("Host"));
  // A quoted-string has no quotes or backslashes of its own.
  for (char& c : host) {
    if (c == '"' || c == '\\') c = '_';
  }
  return absl::StrCat(scheme, "://", host, "/token");
}

AccessDecision FromProto(v1::Decision decision) {
  switch (decision) {
    case v1::DECISION_ALLOWED:
      return AccessDecision::kAllowed;
    case v1::DECISION_CREDENTIAL_REQUIRED:
      return AccessDecision::kCredentialRequired;
    case v1::DECISION_CREDENTIAL_INVALID:
      return AccessDecision::kCredentialInvalid;
    case v1::DECISION_TOKEN_INVALID:
      return AccessDecision::kTokenInvalid;
    case v1::DECISION_INSUFFICIENT_SCOPE:
      return AccessDecision::kInsufficientScope;
    default:
      return AccessDecision::kDenied;
  }
}

AccessAnswer FromProto(const v1::AuthorizeResponse& response) {
  AccessAnswer answer{.decision = FromProto(response.decision()),
                      .principal = response.principal(),
                      .reason = response.reason(),
                      .revision = response.revision(),
                      .expires_at = std::chrono::system_clock::time_point::max()};
  if (response.has_credential_expires_at()) {
    answer.expires_at = std::chrono::system_clock::time_point(
        std::chrono::seconds(response.credential_expires_at().seconds()));
  }
  return answer;
}

}  // namespace

absl::StatusOr<v1::Credential> ParseCredential(const Request& request) {
  v1::Credential credential;
  const absl::string_view header = absl::StripAsciiWhitespace(request.Header("Authorization"));
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
    return BadCredential("the schemes supported are Basic and Bearer");
  }
  std::string decoded;
  if (!absl::Base64Unescape(rest, &decoded)) return BadCredential("it is not base64");
  if (!base::IsUtf8Text(decoded)) return BadCredential("it does not hold UTF-8 text");
  const size_t colon = decoded.find(':');
  if (colon == std::string::npos) return BadCredential("it has no colon behind the user name");
  credential.mutable_basic()->set_username(decoded.substr(0, colon));
  credential.mutable_basic()->set_password(decoded.substr(colon + 1));
  return credential;
}

std::string Challenge(const Request& request, const std::vector<v1::Action>& actions,
                      AccessDecision decision) {
  std::string challenge =
      absl::StrCat("Bearer realm=\"", Realm(request), "\",service=\"", kTokenService, "\"");
  if (!actions.empty()) absl::StrAppend(&challenge, ",scope=\"", ScopeOf(actions), "\"");
  if (decision == AccessDecision::kTokenInvalid) challenge += ",error=\"invalid_token\"";
  if (decision == AccessDecision::kInsufficientScope) challenge += ",error=\"insufficient_scope\"";
  return challenge;
}

Access::Access(ControlPlane& control_plane)
    : control_plane_(control_plane), hash_key_(base::RandomBytes(32)) {}

void Access::Start(asio::io_context& loop) {
  asio::co_spawn(loop.get_executor(), WatchPolicy(loop), asio::detached);
}

void Access::Stop() {
  std::lock_guard lock(mutex_);
  stopping_ = true;
  if (watch_) watch_->Cancel();
}

Awaitable<void> Access::WatchPolicy(asio::io_context& loop) {
  Timer pause(loop);
  bool lost = false;
  while (true) {
    std::shared_ptr<ControlPlane::PolicyWatch> watch;
    {
      std::lock_guard lock(mutex_);
      if (stopping_) co_return;
      watch = watch_ = control_plane_.WatchPolicy();
    }
    while (const std::optional<int64_t> revision = co_await watch->Next()) {
      if (lost) base::LogInfo("the control plane's policy stream is back");
      lost = false;
      cache_.OnHeartbeat(*revision, std::chrono::steady_clock::now());
    }
    {
      std::lock_guard lock(mutex_);
      if (stopping_) co_return;
    }
    if (!lost) base::LogWarning("the control plane's policy stream is lost; asking every request");
    lost = true;
    pause.expires_after(std::chrono::milliseconds(200));
    co_await pause.async_wait(kAwait);
  }
}

std::string Access::CacheKey(const v1::Credential& credential,
                             const std::vector<v1::Action>& actions) const {
  std::string key = base::HmacSha256(hash_key_, credential.SerializeAsString());
  for (const v1::Action& action : actions) {
    const std::string serialized = action.SerializeAsString();
    absl::StrAppend(&key, serialized.size(), ":", serialized);
  }
  return key;
}

Awaitable<absl::StatusOr<AccessAnswer>> Access::Authorize(const v1::Credential& credential,
                                                          const std::vector<v1::Action>& actions,
                                                          absl::string_view client_address) {
  std::optional<LoginGuard::Login> login;
  if (credential.has_basic()) login.emplace(logins_);
  const std::string key = CacheKey(credential, actions);
  if (!login || login->may_be_cached()) {
    std::optional<AccessAnswer> cached =
        cache_.Find(key, std::chrono::steady_clock::now(), std::chrono::system_clock::now());
    if (cached) {
      if (login) login->Accept();
      co_return *std::move(cached);
    }
  }

  for (int attempts_left = 2;; --attempts_left) {
    v1::AuthorizeRequest request;
    *request.mutable_credential() = credential;
    request.mutable_actions()->Add(actions.begin(), actions.end());
    request.set_min_revision(cache_.revision());
    request.set_client_address(std::string(client_address));
    const absl::StatusOr<v1::AuthorizeResponse> response =
        co_await control_plane_.Authorize(std::move(request));
    if (!response.ok()) co_return response.status();
    AccessAnswer answer = FromProto(*response);
    if (login && answer.decision != AccessDecision::kCredentialInvalid) login->Accept();
    // The policy changed while this answer was on its way: it may be wrong by now. Where that
    // happens again and again, the last answer has to do: its policy held after the request came.
    if (answer.revision < cache_.revision() && attempts_left > 0) continue;
    // A wrong password is asked again each time: the control plane counts the failures. So is an
    // invalid token, which may only be not valid yet.
    if (answer.decision != AccessDecision::kCredentialInvalid &&
        answer.decision != AccessDecision::kTokenInvalid) {
      cache_.Insert(key, answer);
    }
    co_return answer;
  }
}

}  // namespace registry::gateway
