#include "controlplane/access/service.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/client_address.h"
#include "base/log.h"
#include "base/quote.h"
#include "base/retry_delay.h"
#include "controlplane/access/action_messages.h"
#include "controlplane/access/refresh_tokens.h"
#include "controlplane/access/token_scopes.h"
#include "oci/error.h"

namespace registry::controlplane {
namespace {

constexpr absl::string_view kCredentialGone =
    "its user no longer exists, or the password or token that it was issued for has changed or "
    "expired; log in again";

void Answer(v1::Decision decision, absl::string_view reason, v1::AuthorizeResponse* response) {
  response->set_decision(decision);
  response->set_reason(std::string(reason));
}

absl::Status LoginError(const PasswordAnswer& answer, absl::string_view user,
                        absl::string_view client, size_t password_bytes) {
  if (answer.verdict == PasswordVerdict::kBusy) {
    return oci::MakeError(oci::ErrorCode::kTooManyRequests,
                          "too many logins are being checked; try again");
  }
  if (answer.verdict == PasswordVerdict::kTooManyFailures) {
    const auto wait = std::chrono::ceil<std::chrono::seconds>(answer.retry_after);
    return base::WithRetryDelay(
        oci::MakeError(oci::ErrorCode::kTooManyRequests,
                       absl::StrCat("too many failed logins as ", base::Quote(user), " from ",
                                    client.empty() ? "this address" : client, "; try again in ",
                                    wait.count(), " s")),
        wait);
  }
  return oci::MakeError(oci::ErrorCode::kUnauthorized,
                        password_bytes <= kMaxPasswordBytes
                            ? "wrong user name or password"
                            : absl::StrCat("wrong user name or password: passwords have at most ",
                                           kMaxPasswordBytes, " bytes"));
}

bool IsAnonymous(const User* user) { return user == nullptr || user->name == kAnonymous; }

bool HasExpired(const UserCredential& credential) {
  return credential.expires_at_ms.has_value() && *credential.expires_at_ms <= SystemNowMs();
}

// Sets the credential's user and expiry.
void SetHolder(const UserCredential& credential, v1::AuthorizeResponse* response) {
  constexpr int64_t kMsPerSecond = 1000;
  response->set_principal(credential.user->name);
  if (!credential.expires_at_ms.has_value()) return;
  response->mutable_credential_expires_at()->set_seconds(*credential.expires_at_ms / kMsPerSecond);
}

// Returns true if the policy allows `user` (nullptr: denied) all actions; otherwise answers why
// not.
bool PolicyAllows(const Policy& policy, const User* user, const std::vector<Action>& actions,
                  v1::AuthorizeResponse* response) {
  for (size_t i = 0; i < actions.size(); ++i) {
    const Verdict verdict = policy.Decide(user, actions[i]);
    if (verdict.allowed) continue;
    Answer(IsAnonymous(user) ? v1::DECISION_CREDENTIAL_REQUIRED : v1::DECISION_DENIED,
           verdict.reason, response);
    response->set_refused_action(static_cast<int>(i));
    return false;
  }
  return true;
}

std::vector<oci::Scope> ScopesOf(const v1::IssueTokenRequest& request) {
  std::vector<oci::Scope> scopes;
  for (const v1::TokenScope& asked : request.scopes()) {
    scopes.push_back({.type = asked.type(),
                      .name = asked.name(),
                      .actions = {asked.actions().begin(), asked.actions().end()}});
  }
  return scopes;
}

// The client gets a token without them. That is not an error: it may ask again for those it needs.
void LogLeftOut(const std::vector<std::string>& names, absl::string_view user) {
  const size_t named = std::min(names.size(), base::kMaxNamedDigests);
  std::string list = absl::StrJoin(names.begin(), names.begin() + named, " ");
  if (named < names.size()) absl::StrAppend(&list, " and ", names.size() - named, " more");
  base::LogInfo("a client asked for more scopes than a token can hold; the first ones were dropped",
                {{"principal", user},
                 {"max_scopes", base::kMaxTokenScopes},
                 {"left_out", names.size()},
                 {"names", list}});
}

}  // namespace

absl::StatusOr<std::unique_ptr<AccessService>> AccessService::Create(AccessServiceOptions options) {
  absl::StatusOr<std::unique_ptr<TokenSigner>> tokens = TokenSigner::Create(options.tokens);
  if (!tokens.ok()) return tokens.status();
  return std::unique_ptr<AccessService>(new AccessService(std::move(options), *std::move(tokens)));
}

absl::Status AccessService::UseSigningKey(const std::string& key) {
  absl::StatusOr<std::unique_ptr<TokenSigner>> signer = tokens()->WithKey(key);
  if (!signer.ok()) return signer.status();
  std::lock_guard lock(tokens_mutex_);
  tokens_ = *std::move(signer);
  return absl::OkStatus();
}

AccessService::AccessService(AccessServiceOptions options,
                             std::shared_ptr<const TokenSigner> tokens)
    : policy_(std::move(options.policy)),
      tokens_(std::move(tokens)),
      database_(options.database),
      pool_(options.pool),
      watch_(policy_, options.heartbeat, options.max_watches),
      passwords_(std::move(options.passwords)) {}

void AccessService::Authorize(const v1::AuthorizeRequest* request, v1::AuthorizeResponse* response,
                              const base::CallInfo* call, base::Done done) {
  PolicySnapshot snapshot = policy_->Current();
  if (request->min_revision() > snapshot.revision) {
    return done(absl::AbortedError(absl::StrCat("this control plane has revision ",
                                                snapshot.revision, " of the policy, not ",
                                                request->min_revision(), " yet; try again")));
  }
  absl::StatusOr<std::vector<Action>> actions = ParseActions(*request);
  if (!actions.ok()) {
    return done(actions.status());
  }
  response->set_revision(snapshot.revision);
  const v1::Credential& credential = request->credential();
  if (credential.has_basic()) {
    LogIn(call, snapshot, credential.basic(), request->client_address(),
          [done = std::move(done), response, snapshot,
           actions = *std::move(actions)](const absl::StatusOr<UserCredential>& credential) {
            if (credential.ok()) {
              SetHolder(*credential, response);
              if (PolicyAllows(*snapshot.policy, credential->user, actions, response)) {
                Answer(v1::DECISION_ALLOWED, "", response);
              }
            } else if (oci::CodeOf(credential.status()) == oci::ErrorCode::kUnauthorized) {
              Answer(v1::DECISION_CREDENTIAL_INVALID, credential.status().message(), response);
            } else {
              return done(credential.status());
            }
            done(absl::OkStatus());
          });
    return;
  }
  if (credential.has_refresh_token()) {
    Answer(v1::DECISION_TOKEN_INVALID, "refresh tokens are accepted only at /token", response);
  } else if (credential.has_bearer_token()) {
    AuthorizeToken(snapshot, credential.bearer_token(), *actions, response);
  } else {
    AuthorizeAnonymous(snapshot, *actions, response);
  }
  done(absl::OkStatus());
}

void AccessService::AuthorizeAnonymous(const PolicySnapshot& snapshot,
                                       const std::vector<Action>& actions,
                                       v1::AuthorizeResponse* response) const {
  if (actions.empty()) {
    Answer(v1::DECISION_CREDENTIAL_REQUIRED, "no credentials were sent: log in, or get a token",
           response);
  } else if (PolicyAllows(*snapshot.policy, snapshot.policy->anonymous(), actions, response)) {
    Answer(v1::DECISION_ALLOWED, "", response);
  }
}

void AccessService::AuthorizeToken(const PolicySnapshot& snapshot, absl::string_view text,
                                   const std::vector<Action>& actions,
                                   v1::AuthorizeResponse* response) const {
  const User* user = snapshot.policy->anonymous();
  std::optional<VerifiedToken> issued;
  if (const Token* fixed = snapshot.policy->FindToken(text)) {
    const UserCredential credential = snapshot.policy->CredentialOf(*fixed);
    if (HasExpired(credential)) {
      return Answer(v1::DECISION_TOKEN_INVALID,
                    absl::StrCat("the token ", base::Quote(fixed->name), " has expired"), response);
    }
    SetHolder(credential, response);
    user = credential.user;
  } else {
    absl::StatusOr<VerifiedToken> token = tokens()->Verify(text);
    if (!token.ok()) {
      return Answer(v1::DECISION_TOKEN_INVALID, token.status().message(), response);
    }
    issued = *std::move(token);
    response->mutable_credential_expires_at()->set_seconds(issued->refused_at_s);
    if (!issued->subject.empty()) {
      const std::optional<UserCredential> credential =
          snapshot.policy->FindCredential(issued->subject, issued->credential_version);
      if (!credential.has_value() || HasExpired(*credential)) {
        return Answer(v1::DECISION_TOKEN_INVALID, absl::StrCat("invalid token: ", kCredentialGone),
                      response);
      }
      SetHolder(*credential, response);
      response->mutable_credential_expires_at()->set_seconds(
          std::min(response->credential_expires_at().seconds(), issued->refused_at_s));
      user = credential->user;
    }
  }
  // Without actions, an anonymous token is valid even in a private registry: regctl asks like this
  // before it logs in, and gives up otherwise.
  if (!PolicyAllows(*snapshot.policy, user, actions, response)) return;
  for (size_t i = 0; i < actions.size(); ++i) {
    if (!issued.has_value() || issued->access.Covers(ScopeFor(actions[i]))) continue;
    response->set_refused_action(static_cast<int>(i));
    return Answer(v1::DECISION_INSUFFICIENT_SCOPE,
                  absl::StrCat("this token was not issued for ",
                               base::Quote(ScopeFor(actions[i]).ToString())),
                  response);
  }
  Answer(v1::DECISION_ALLOWED, "", response);
}

void AccessService::LogIn(const base::CallInfo* call, PolicySnapshot snapshot,
                          const v1::BasicCredential& credential, absl::string_view client_address,
                          LoginCallback done) {
  // A static token as its user's password. Tokens are too long to guess.
  const Token* token = snapshot.policy->FindToken(credential.password());
  if (token != nullptr && token->user == credential.username()) {
    const UserCredential found = snapshot.policy->CredentialOf(*token);
    if (!HasExpired(found)) return done(found);
  }
  const User* user = snapshot.policy->FindUser(credential.username());
  if (user != nullptr && user->password_hash.empty()) user = nullptr;
  // Check unknown users too, so that the time does not reveal who exists.
  const std::string& decoy_hash = snapshot.policy->decoy_hash();
  PasswordVerifier::Login login{.user = credential.username(),
                                .password = credential.password(),
                                .password_hash = user == nullptr ? decoy_hash : user->password_hash,
                                .highest_cost = BcryptCostOf(decoy_hash),
                                .client = base::AddressGroup(client_address)};
  // The snapshot keeps the user alive.
  auto on_answer = [snapshot, user, name = login.user, client = login.client,
                    password_bytes = login.password.size(),
                    done = std::move(done)](PasswordAnswer answer) {
    if (answer.verdict == PasswordVerdict::kCorrect && user != nullptr) {
      return done(snapshot.policy->CredentialOf(*user));
    }
    done(LoginError(answer, name, client, password_bytes));
  };
  passwords_.Verify(std::move(login), std::move(on_answer), [call] { return call->IsAbandoned(); });
}

void AccessService::IssueToken(const v1::IssueTokenRequest* request,
                               v1::IssueTokenResponse* response, const base::CallInfo* call,
                               base::Done done) {
  PolicySnapshot snapshot = policy_->Current();
  const v1::Credential& credential = request->credential();
  if (!request->service().empty() && request->service() != tokens()->audience()) {
    done(oci::MakeError(
        oci::ErrorCode::kDenied,
        absl::StrCat("no tokens are issued for service ", base::Quote(request->service()),
                     ", only for ", base::Quote(tokens()->audience()))));
  } else if (credential.has_basic()) {
    LogIn(call, snapshot, credential.basic(), request->client_address(),
          [this, call, done = std::move(done), request, response,
           snapshot](const absl::StatusOr<UserCredential>& found) {
            if (found.ok() && request->offline()) {
              return SubmitOffline(call, done, snapshot, *found, request, response);
            }
            done(found.ok() ? Issue(snapshot, *found, *request, response) : found.status());
          });
  } else if (credential.has_refresh_token()) {
    SubmitOffline(call, std::move(done), snapshot, std::nullopt, request, response);
  } else if (credential.has_bearer_token()) {
    done(oci::MakeError(
        oci::ErrorCode::kUnauthorized,
        "a token cannot be exchanged for another token; send user name and password"));
  } else {
    done(Issue(snapshot, {.user = snapshot.policy->anonymous()}, *request, response));
  }
}

void AccessService::SubmitOffline(const base::CallInfo* call, base::Done done,
                                  const PolicySnapshot& snapshot,
                                  const std::optional<UserCredential>& credential,
                                  const v1::IssueTokenRequest* request,
                                  v1::IssueTokenResponse* response) {
  base::RunCall(*pool_, call, std::move(done), [this, snapshot, credential, request, response] {
    return IssueOffline(snapshot, credential, *request, response);
  });
}

absl::Status AccessService::IssueOffline(const PolicySnapshot& snapshot,
                                         std::optional<UserCredential> credential,
                                         const v1::IssueTokenRequest& request,
                                         v1::IssueTokenResponse* response) const {
  std::string refresh_token = request.credential().refresh_token();
  if (credential.has_value()) {
    absl::StatusOr<std::string> issued = IssueRefreshToken(
        *database_,
        {.user_name = credential->user->name, .credential_version = credential->version},
        database_->NowMs());
    if (!issued.ok()) return issued.status();
    refresh_token = *std::move(issued);
  } else {
    const absl::StatusOr<RefreshTokenOwner> owner =
        UseRefreshToken(*database_, refresh_token, database_->NowMs());
    if (!owner.ok()) return owner.status();
    credential = snapshot.policy->FindCredential(owner->user_name, owner->credential_version);
    if (!credential.has_value() || HasExpired(*credential)) {
      return oci::MakeError(oci::ErrorCode::kUnauthorized,
                            absl::StrCat("invalid refresh token: ", kCredentialGone));
    }
  }
  response->set_refresh_token(refresh_token);
  return Issue(snapshot, *credential, request, response);
}

absl::Status AccessService::Issue(const PolicySnapshot& snapshot, const UserCredential& credential,
                                  const v1::IssueTokenRequest& request,
                                  v1::IssueTokenResponse* response) const {
  const User* user = credential.user;
  TokenGrant grant;
  if (!IsAnonymous(user)) {
    grant.subject = user->name;
    grant.credential_version = credential.version;
  }
  const AskedScopes asked = MergeScopes(ScopesOf(request), base::kMaxTokenScopes);
  if (!asked.left_out.empty()) LogLeftOut(asked.left_out, grant.subject);
  for (const oci::Scope& wanted : asked.kept) {
    oci::Scope scope = GrantableScope(*snapshot.policy, user, wanted);
    if (scope.actions.empty()) continue;
    v1::TokenScope* granted = response->add_granted_scopes();
    granted->set_type(scope.type);
    granted->set_name(scope.name);
    for (const std::string& action : scope.actions) granted->add_actions(action);
    grant.access.push_back(std::move(scope));
  }
  absl::StatusOr<IssuedToken> token = tokens()->Issue(grant);
  if (!token.ok()) return token.status();
  response->set_token(std::move(token->text));
  response->mutable_issued_at()->set_seconds(token->issued_at_s);
  response->mutable_expires_at()->set_seconds(token->expires_at_s);
  return absl::OkStatus();
}

}  // namespace registry::controlplane
