// Answers of the control plane that are still true, so that a repeated request costs a look-up.
//
// An answer is kept until its credential ends or the policy changes. It is used only while the
// control plane is heard: after `base::kPolicySilence` without a heartbeat every request is asked.
// Bounded; the least recently used answer goes first. Thread-safe.
#ifndef REGISTRY_GATEWAY_ACCESS_CACHE_H_
#define REGISTRY_GATEWAY_ACCESS_CACHE_H_

#include <chrono>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "base/limits.h"
#include "gateway/access_decision.h"

namespace registry::gateway {

struct AccessAnswer {
  AccessDecision decision;
  // The user's name; empty for an anonymous client.
  std::string principal;
  // Why it is not kAllowed.
  std::string reason;
  // The policy's revision that decided.
  int64_t revision = 0;
  // Until when the answer may be used, by this machine's clock.
  std::chrono::system_clock::time_point expires_at;
  // Which of the actions that were asked is not allowed; absent when the credential is to blame.
  std::optional<size_t> refused_action = std::nullopt;
};

class AccessCache {
 public:
  using Steady = std::chrono::steady_clock::time_point;

  explicit AccessCache(size_t max_entries = base::kAccessCacheEntries)
      : max_entries_(max_entries) {}

  // The policy stream said so. A new revision empties the cache.
  void OnHeartbeat(int64_t revision, Steady now);

  // The highest revision seen: an older answer must be asked for again.
  int64_t revision() const;

  std::optional<AccessAnswer> Find(const std::string& key, Steady now,
                                   std::chrono::system_clock::time_point wall_now);

  // Keeps an answer, unless its revision is not the current one.
  void Insert(const std::string& key, AccessAnswer answer);

 private:
  struct Entry {
    std::string key;
    AccessAnswer answer;
  };

  const size_t max_entries_;
  mutable std::mutex mutex_;
  int64_t revision_ ABSL_GUARDED_BY(mutex_) = 0;
  Steady last_heartbeat_ ABSL_GUARDED_BY(mutex_){};
  // The most recently used first.
  std::list<Entry> entries_ ABSL_GUARDED_BY(mutex_);
  std::unordered_map<std::string, std::list<Entry>::iterator> index_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_ACCESS_CACHE_H_
