// Counts failed logins per user and client address, and says when there are too many.
//
//   if (failures.Refusal(user, client)) return …;  // 429
//   const int64_t attempt = *failures.Reserve(user, client);
//   if (bcrypt says that the password is right) failures.GiveBack(user, client, attempt);
//
// Reserve counts an attempt before its outcome is known, so that concurrent attempts cannot exceed
// the limit. The window slides: no minute has more attempts than the limit.
//
// Users who do not exist count the same. The memory is bounded: when full, it evicts the pair with
// the fewest failures, and of several the one whose failures are oldest. To evict his own pair, an
// attacker must fail as often under every other name in memory. No client is refused because of
// another client's failures. Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_ACCESS_LOGIN_FAILURES_H_
#define REGISTRY_CONTROLPLANE_ACCESS_LOGIN_FAILURES_H_

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

// Monotonic, unlike the system clock.
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
    // Time until the next attempt is allowed.
    std::chrono::milliseconds wait;
    // True for the first refusal of the pair within a window: worth a line in the log.
    bool first;
  };

  // nullopt if the pair may try. `client` comes from AddressGroup.
  std::optional<TooMany> Refusal(absl::string_view user, absl::string_view client);

  // Counts an attempt and returns it for GiveBack; nullopt if there are too many already.
  std::optional<int64_t> Reserve(absl::string_view user, absl::string_view client);

  // Uncounts an attempt that did not fail.
  void GiveBack(absl::string_view user, absl::string_view client, int64_t attempt);

 private:
  struct Pair {
    // Times of its attempts, oldest first; at most `limit`.
    std::vector<int64_t> attempts_ms;
    // Time of the last refusal that was `first`.
    std::optional<int64_t> refused_ms;
  };

  std::string KeyOf(absl::string_view user, absl::string_view client) const;
  // Drops attempts older than the window.
  void Forget(Pair& pair, int64_t now_ms) const;
  // Makes room for one more pair.
  void MakeRoom(int64_t now_ms) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const LoginFailuresOptions options_;
  // Clients choose the length of names, so the map holds HMACs of them under this key.
  const std::string hmac_key_;

  std::mutex mutex_;
  absl::flat_hash_map<std::string, Pair> pairs_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_ACCESS_LOGIN_FAILURES_H_
