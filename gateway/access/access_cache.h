// LRU cache of authorization decisions.
//
// Keeps an answer until its credential expires or the policy changes. After `base::kPolicySilence`
// without a heartbeat from the control plane, the cache finds nothing: the gateway asks for every
// request.
// Bounded in entries and in bytes. Thread-safe.
#ifndef REGISTRY_GATEWAY_ACCESS_ACCESS_CACHE_H_
#define REGISTRY_GATEWAY_ACCESS_ACCESS_CACHE_H_

#include <chrono>
#include <mutex>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "base/limits.h"
#include "base/lru_cache.h"
#include "gateway/access/access_decision.h"

namespace registry::gateway {

struct AccessAnswer {
  AccessDecision decision;
  // The user's name; empty for an anonymous client.
  std::string principal;
  // Why the decision is not kAllowed.
  std::string reason;
  // The revision of the policy that decided.
  int64_t revision = 0;
  // Until when the answer may be used, by this machine's clock.
  std::chrono::system_clock::time_point expires_at;
  // Index of the requested action that is denied; absent if the credential is the reason.
  std::optional<size_t> refused_action = std::nullopt;
};

class AccessCache {
 public:
  using Steady = std::chrono::steady_clock::time_point;

  explicit AccessCache(size_t max_entries = base::kAccessCacheEntries,
                       size_t max_bytes = base::kAccessCacheBytes)
      : entries_({.max_entries = max_entries, .max_bytes = max_bytes}) {}

  // Call for each message of the policy stream: a revision and its epoch (WatchPolicyResponse). A
  // new revision or epoch empties the cache. In another epoch the revision may be lower: either
  // that replica lags behind the previous one, or its database was restored from a backup. A
  // replica catches up within base::kPolicyLag; after that, the lower revision is the policy.
  // Returns true when that happens.
  bool OnHeartbeat(absl::string_view epoch, int64_t revision, Steady now);

  // The highest revision seen. The gateway must ask again if an answer is older.
  int64_t revision() const;

  std::optional<AccessAnswer> Find(absl::string_view key, Steady now,
                                   std::chrono::system_clock::time_point wall_now);

  // Stores an answer if its revision is the current one. `key` should be short: a hash.
  void Insert(absl::string_view key, AccessAnswer answer);

 private:
  mutable std::mutex mutex_;
  std::string epoch_ ABSL_GUARDED_BY(mutex_);
  int64_t revision_ ABSL_GUARDED_BY(mutex_) = 0;
  Steady last_heartbeat_ ABSL_GUARDED_BY(mutex_){};
  // An epoch whose revision is lower than revision_, and the time it was first heard.
  std::string lower_epoch_ ABSL_GUARDED_BY(mutex_);
  Steady lower_since_ ABSL_GUARDED_BY(mutex_){};
  base::LruCache<AccessAnswer> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_ACCESS_ACCESS_CACHE_H_
