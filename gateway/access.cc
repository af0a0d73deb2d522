#include "gateway/access.h"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/log.h"

namespace registry::gateway {
namespace {

namespace asio = boost::asio;
using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, Executor>;

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
  if (response.has_refused_action()) {
    answer.refused_action = static_cast<size_t>(response.refused_action());
  }
  if (response.has_credential_expires_at()) {
    // This clock may be behind the control plane's. In the credential's last minute every request
    // is asked, so that none is answered after its end.
    answer.expires_at = std::chrono::system_clock::time_point(
        std::chrono::seconds(response.credential_expires_at().seconds()) - base::kTokenLeeway);
  }
  return answer;
}

}  // namespace

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
