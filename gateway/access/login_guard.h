// Decides if a login may use the access cache.
//
//   LoginGuard::Login login(guard);
//   if (login.may_be_cached()) …  // else ask the control plane
//   if (…) login.Accept();
//
// A cached answer reveals that the password is correct, and the control plane, which limits
// guessing, does not see the attempt: clients could try passwords beyond its limit until one is
// accepted. So while logins fail, and for kLoginFailureWindow after, the gateway asks the control
// plane about every login; it remembers correct passwords too. Before the first failure is known,
// at most as many concurrent logins use the cache as may fail. Logins that do not use the cache do
// not count, because the control plane sees them. Global counters are enough: this class never
// refuses a login. Thread-safe.
#ifndef REGISTRY_GATEWAY_ACCESS_LOGIN_GUARD_H_
#define REGISTRY_GATEWAY_ACCESS_LOGIN_GUARD_H_

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

  // One login, from before its look-up until its outcome is known.
  class Login {
   public:
    explicit Login(LoginGuard& guard) : guard_(guard), may_be_cached_(guard.Begin()) {}
    ~Login() { guard_.End(may_be_cached_, accepted_); }
    Login(const Login&) = delete;
    Login& operator=(const Login&) = delete;

    bool may_be_cached() const { return may_be_cached_; }
    // The password is correct. Without this call, the login counts as failed for any reason.
    void Accept() { accepted_ = true; }

   private:
    LoginGuard& guard_;
    const bool may_be_cached_;
    bool accepted_ = false;
  };

 private:
  // Returns true if the login may use the cache.
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
  // Logins in progress that may use the cache.
  size_t looked_up_ ABSL_GUARDED_BY(mutex_) = 0;
  Time suspicious_until_ ABSL_GUARDED_BY(mutex_){};
};

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_ACCESS_LOGIN_GUARD_H_
