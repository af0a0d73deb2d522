// Limits the requests a second of each client address, or of each user: a token bucket for each.
//
//   RequestRate rate({.per_second = 50});
//   if (const auto wait = rate.Refusal("192.0.2.7")) …  // 429 with Retry-After: wait
//
// A bucket holds base::kRequestBurst seconds' worth, because a pull is a burst. Refused requests
// take nothing from it. The number of buckets is bounded: long unused ones are evicted, and are
// full when they are used again. Thread-safe.
#ifndef REGISTRY_GATEWAY_LIMITS_REQUEST_RATE_H_
#define REGISTRY_GATEWAY_LIMITS_REQUEST_RATE_H_

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "base/limits.h"
#include "base/lru_cache.h"

namespace registry::gateway {

struct RequestRateOptions {
  // 0: no limit.
  int per_second = 0;
  size_t max_entries = base::kRequestRateEntries;
  std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
};

class RequestRate {
 public:
  explicit RequestRate(RequestRateOptions options);

  // Counts a request. If it exceeds the rate, returns how long to wait.
  std::optional<std::chrono::seconds> Refusal(absl::string_view who);

 private:
  struct Bucket {
    double requests_left;
    std::chrono::steady_clock::time_point filled_at;
  };

  const RequestRateOptions options_;
  std::mutex mutex_;
  base::LruCache<Bucket> buckets_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_LIMITS_REQUEST_RATE_H_
