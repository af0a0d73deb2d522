// Counts the failed logins of each user from each client address, and says when they are too many.
//
//   if (failures.Refusal(user, client)) return …;  // 429
//   const int64_t attempt = *failures.Reserve(user, client);
//   if (bcrypt says that the password is right) failures.GiveBack(user, client, attempt);
//
// An attempt counts from before its outcome is known, so that any number of them at the same time
// are no more than the limit. The window slides: there are never more in any minute.
//
// Whether there is such a user makes no difference. The memory is bounded: when it is full, the
// pair that failed least is forgotten, of several the one that failed longest ago. So who wants his
// own failures forgotten must fail as often under every other name that is kept, and nobody is
// refused because of others. Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_LOGIN_FAILURES_H_
#define REGISTRY_CONTROLPLANE_LOGIN_FAILURES_H_

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "base/limits.h"
#include "controlplane/clock.h"

namespace registry::controlplane {

// The system's clock may jump; this one does not.
int64_t SteadyNowMs();

struct LoginFailuresOptions {
  size_t limit = base::kMaxLoginFailures;
  std::chrono::milliseconds window = base::kLoginFailureWindow;
  size_t max_pairs = base::kLoginFailureEntries;
  Clock now_ms = SteadyNowMs;
};

class LoginFailures {
 public:
  explicit LoginFailures(LoginFailuresOptions options);

  LoginFailures(const LoginFailures&) = delete;
  LoginFailures& operator=(const LoginFailures&) = delete;

  struct TooMany {
    // Until the next attempt may be made.
    std::chrono::milliseconds wait;
    // The first time that this is said of the pair within a window: worth a line in the log.
    bool first;
  };

  // nullopt: the pair may try. `client` is an address as AddressGroup makes it.
  std::optional<TooMany> Refusal(absl::string_view user, absl::string_view client);

  // Counts an attempt. Returns what GiveBack takes; nullopt when there are too many already.
  std::optional<int64_t> Reserve(absl::string_view user, absl::string_view client);

  // The attempt was no failure.
  void GiveBack(absl::string_view user, absl::string_view client, int64_t attempt);

 private:
  struct Pair {
    // When its attempts were made, the oldest first: at most the limit.
    std::vector<int64_t> attempts_ms;
    // When its refusal was `first`.
    std::optional<int64_t> refused_ms;
  };

  std::string KeyOf(absl::string_view user, absl::string_view client) const;
  // Drops the attempts of before the window.
  void Forget(Pair& pair, int64_t now_ms) const;
  // For one pair more.
  void MakeRoom(int64_t now_ms) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const LoginFailuresOptions options_;
  // Names are as long as clients make them: the map has their HMAC under this key.
  const std::string hmac_key_;

  std::mutex mutex_;
  absl::flat_hash_map<std::string, Pair> pairs_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_LOGIN_FAILURES_H_
