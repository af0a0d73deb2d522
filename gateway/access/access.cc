#include "gateway/access/access.h"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/log.h"

namespace registry::gateway {
namespace {

namespace asio = boost::asio;
using Timer =
    asio::basic_waitable_timer<std::chrono::steady_clock,
                               asio::wait_traits<std::chrono::steady_clock>, http::Executor>;

// Delay between attempts while the control plane's policy lags.
constexpr std::chrono::milliseconds kLagPause{50};
// A message exists three times: as an object, as gRPC's bytes, and as the peer's object.
constexpr size_t kCopiesOfMessage = 3;

absl::Status GaveUp() {
  return absl::UnavailableError("too many requests wait for the control plane; try again");
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

// Never caches a wrong password, because the control plane counts the failures, nor an invalid
// token, which may only be not valid yet. An anonymous client can be refused for any number of
// names, and would evict the answers for others; but every client first asks for /v2/ without a
// credential.
bool MayBeKept(AccessDecision decision, bool without_actions) {
  switch (decision) {
    case AccessDecision::kCredentialInvalid:
    case AccessDecision::kTokenInvalid:
      return false;
    case AccessDecision::kCredentialRequired:
      return without_actions;
    default:
      return true;
  }
}

}  // namespace

Access::Access(ControlPlaneClient& control_plane)
    : control_plane_(control_plane), hash_key_(base::RandomBytes(32)) {}

void Access::Start(asio::io_context& loop) {
  asio::co_spawn(loop.get_executor(), WatchPolicy(loop), asio::detached);
}

void Access::Stop() {
  std::lock_guard lock(mutex_);
  stopping_ = true;
  if (watch_) watch_->Cancel();
}

http::Awaitable<void> Access::WatchPolicy(asio::io_context& loop) {
  Timer pause(loop);
  Timer silence(loop);
  bool lost = false;
  while (true) {
    std::shared_ptr<ControlPlaneClient::PolicyWatch> watch;
    {
      std::lock_guard lock(mutex_);
      if (stopping_) co_return;
      watch = watch_ = control_plane_.WatchPolicy();
    }
    // A stream may stay silent forever if its peer is gone.
    const auto expect_message = [&silence, &watch] {
      silence.expires_after(base::kPolicySilence);
      silence.async_wait([watch](const boost::system::error_code& error) {
        if (!error) watch->Cancel();
      });
    };
    expect_message();
    while (const std::optional<v1::WatchPolicyResponse> message = co_await watch->Next()) {
      expect_message();
      if (lost) base::LogInfo("policy stream of the control plane restored");
      lost = false;
      if (cache_.OnHeartbeat(message->epoch(), message->revision(),
                             std::chrono::steady_clock::now())) {
        base::LogWarning("the policy's revision went back: its database was restored from a backup",
                         {{"revision", message->revision()}});
      }
    }
    silence.cancel();
    {
      std::lock_guard lock(mutex_);
      if (stopping_) co_return;
    }
    if (!lost)
      base::LogWarning("policy stream of the control plane lost: asking it for every request");
    lost = true;
    pause.expires_after(std::chrono::milliseconds(200));
    co_await pause.async_wait(http::kAwait);
  }
}

Access::Question Access::Summarize(const v1::Credential& credential,
                                   const std::vector<v1::Action>& actions) const {
  size_t bytes = credential.SpaceUsedLong();
  std::string text = credential.SerializeAsString();
  // The sizes distinguish different lists.
  text = absl::StrCat(text.size(), ":", text);
  for (const v1::Action& action : actions) {
    const std::string serialized = action.SerializeAsString();
    absl::StrAppend(&text, serialized.size(), ":", serialized);
    bytes += action.SpaceUsedLong();
  }
  return {.cache_key = base::HmacSha256(hash_key_, text),
          .bytes = base::kAccessCallBytes + kCopiesOfMessage * bytes,
          .without_actions = actions.empty()};
}

http::Awaitable<absl::StatusOr<AccessAnswer>> Access::Authorize(
    const v1::Credential& credential, absl::FunctionRef<std::vector<v1::Action>()> actions,
    absl::string_view client_address) {
  std::optional<LoginGuard::Login> login;
  if (credential.has_basic()) login.emplace(logins_);
  const Question question = Summarize(credential, actions());
  if (!login || login->may_be_cached()) {
    std::optional<AccessAnswer> cached = cache_.Find(
        question.cache_key, std::chrono::steady_clock::now(), std::chrono::system_clock::now());
    if (cached) {
      if (login) login->Accept();
      co_return *std::move(cached);
    }
  }

  const auto give_up = std::chrono::steady_clock::now() + base::kPolicyLag;
  int attempts_left = 2;
  while (true) {
    absl::StatusOr<v1::AuthorizeResponse> response = GaveUp();
    {
      const std::optional<CallGate::Pass> pass = co_await GateFor(credential).Enter(question.bytes);
      if (!pass) co_return GaveUp();
      v1::AuthorizeRequest request;
      *request.mutable_credential() = credential;
      for (v1::Action& action : actions()) *request.add_actions() = std::move(action);
      request.set_min_revision(cache_.revision());
      request.set_client_address(std::string(client_address));
      response = co_await control_plane_.Authorize(std::move(request));
    }
    if (absl::IsAborted(response.status())) {
      if (std::chrono::steady_clock::now() >= give_up) {
        co_return absl::UnavailableError(response.status().message());
      }
      Timer pause(co_await asio::this_coro::executor, kLagPause);
      const auto [cancelled] = co_await pause.async_wait(http::kAwait);
      if (cancelled) co_return GaveUp();
      continue;
    }
    if (!response.ok()) co_return response.status();
    AccessAnswer answer = FromProto(*response);
    if (login && answer.decision != AccessDecision::kCredentialInvalid) login->Accept();
    // The policy changed while this answer was in flight: the answer may be outdated. If that
    // happens repeatedly, use the last answer: its policy was in effect after the request arrived.
    if (answer.revision < cache_.revision() && attempts_left-- > 0) continue;
    if (MayBeKept(answer.decision, question.without_actions))
      cache_.Insert(question.cache_key, answer);
    co_return answer;
  }
}

http::Awaitable<absl::StatusOr<v1::IssueTokenResponse>> Access::IssueToken(
    absl::FunctionRef<v1::IssueTokenRequest()> request) {
  size_t bytes = 0;
  CallGate* gate = nullptr;
  {
    const v1::IssueTokenRequest measured = request();
    bytes = base::kAccessCallBytes + kCopiesOfMessage * measured.SpaceUsedLong();
    gate = &GateFor(measured.credential());
  }
  const std::optional<CallGate::Pass> pass = co_await gate->Enter(bytes);
  if (!pass) co_return GaveUp();
  co_return co_await control_plane_.IssueToken(request());
}

}  // namespace registry::gateway
