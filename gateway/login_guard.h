// Whether user names and passwords may be looked up in the access cache.
//
//   LoginGuard::Login login(guard);
//   if (login.may_be_cached()) …  // else ask the control plane
//   if (…) login.Accept();
//
// An answer from the cache tells that the password is right, and the control plane, which limits
// guessing, does not hear of the question: wrong passwords could be tried beyond its limit until
// one is not refused. So while logins fail, and for a while after, the control plane is asked for
// every one: it remembers right passwords too. Before the first failure is known, no more logins at
// the same time are looked up than may fail. A few numbers do for all users, because no login is
// refused here. Thread-safe.
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
    ~Login() { guard_.End(accepted_); }
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
  bool Begin() {
    std::lock_guard lock(mutex_);
    return ++under_way_ <= base::kMaxLoginFailures && now_() >= suspicious_until_;
  }
  void End(bool accepted) {
    std::lock_guard lock(mutex_);
    --under_way_;
    if (!accepted) suspicious_until_ = now_() + base::kLoginFailureWindow;
  }

  const std::function<Time()> now_;
  std::mutex mutex_;
  size_t under_way_ ABSL_GUARDED_BY(mutex_) = 0;
  Time suspicious_until_ ABSL_GUARDED_BY(mutex_){};
};

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_LOGIN_GUARD_H_
