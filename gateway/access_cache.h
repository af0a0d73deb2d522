// LRU cache of the control plane's answers, so that a repeated request costs a look-up.
//
// An answer is kept until its credential ends or the policy changes. It is used only while the
// control plane is heard: after `base::kPolicySilence` without a heartbeat every request is asked.
// Bounded in entries and in bytes. Thread-safe.
#ifndef REGISTRY_GATEWAY_ACCESS_CACHE_H_
#define REGISTRY_GATEWAY_ACCESS_CACHE_H_

#include <chrono>
#include <mutex>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "base/limits.h"
#include "base/lru_cache.h"
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

  explicit AccessCache(size_t max_entries = base::kAccessCacheEntries,
                       size_t max_bytes = base::kAccessCacheBytes)
      : entries_({.max_entries = max_entries, .max_bytes = max_bytes}) {}

  // The policy stream told a revision of an epoch (WatchPolicyResponse). A new one of either
  // empties the cache. In another epoch the revision may also be lower: either that replica lags
  // behind the one heard before, or its database was restored from a backup. A replica catches up
  // within base::kPolicyLag; after that the lower revision is the policy. Returns true when it
  // became so.
  bool OnHeartbeat(absl::string_view epoch, int64_t revision, Steady now);

  // The highest revision seen: an older answer must be asked for again.
  int64_t revision() const;

  std::optional<AccessAnswer> Find(absl::string_view key, Steady now,
                                   std::chrono::system_clock::time_point wall_now);

  // Keeps an answer, unless its revision is not the current one. `key` should be short: a hash.
  void Insert(absl::string_view key, AccessAnswer answer);

 private:
  mutable std::mutex mutex_;
  std::string epoch_ ABSL_GUARDED_BY(mutex_);
  int64_t revision_ ABSL_GUARDED_BY(mutex_) = 0;
  Steady last_heartbeat_ ABSL_GUARDED_BY(mutex_){};
  // An epoch whose revision is lower than revision_, and when it was first heard.
  std::string lower_epoch_ ABSL_GUARDED_BY(mutex_);
  Steady lower_since_ ABSL_GUARDED_BY(mutex_){};
  base::LruCache<AccessAnswer> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_ACCESS_CACHE_H_
