// Decides which logins with a password may be answered from the access cache.
//
//   LoginGuard::Login login(guard);
//   if (login.may_be_cached()) …  // else ask the control plane
//   if (…) login.Accept();
//
// An answer from the cache tells that the password is right, and the control plane, which limits
// guessing, does not hear of the question: clients could try wrong passwords beyond its limit until
// one is not refused. So while logins fail, and for kLoginFailureWindow after, the gateway asks the
// control plane about every login; it remembers right passwords too. Before the first failure is
// known, no more logins at the same time are looked up than may fail. Logins that are not looked up
// do not count: however many there are, the control plane hears of them. Global counters are
// enough: this class never refuses a login. Thread-safe.
#ifndef REGISTRY_GATEWAY_LOGIN_GUARD_H_
#define REGISTRY_GATEWAY_LOGIN_GUARD_H_

#include <chrono>
#include <functional>
#include <mutex>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "base/limits.h"

namespace registry::gateway {

class LoginGuard {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit LoginGuard(std::function<Time()> now = std::chrono::steady_clock::now)
      : now_(std::move(now)) {}

  // One login, from before its look-up until its outcome.
  class Login {
   public:
    explicit Login(LoginGuard& guard) : guard_(guard), may_be_cached_(guard.Begin()) {}
    ~Login() { guard_.End(may_be_cached_, accepted_); }
    Login(const Login&) = delete;
    Login& operator=(const Login&) = delete;

    bool may_be_cached() const { return may_be_cached_; }
    // The password is right. Without this the login failed, whatever the reason.
    void Accept() { accepted_ = true; }

   private:
    LoginGuard& guard_;
    const bool may_be_cached_;
    bool accepted_ = false;
  };

 private:
  // Returns true when the login may be looked up.
  bool Begin() {
    std::lock_guard lock(mutex_);
    if (looked_up_ >= base::kMaxLoginFailures || now_() < suspicious_until_) return false;
    ++looked_up_;
    return true;
  }
  void End(bool was_looked_up, bool accepted) {
    std::lock_guard lock(mutex_);
    if (was_looked_up) --looked_up_;
    if (!accepted) suspicious_until_ = now_() + base::kLoginFailureWindow;
  }

  const std::function<Time()> now_;
  std::mutex mutex_;
  // Logins under way that may be looked up.
  size_t looked_up_ ABSL_GUARDED_BY(mutex_) = 0;
  Time suspicious_until_ ABSL_GUARDED_BY(mutex_){};
};

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_LOGIN_GUARD_H_
