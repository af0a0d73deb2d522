#include "gateway/limits/request_rate.h"

#include <algorithm>
#include <utility>

namespace registry::gateway {

RequestRate::RequestRate(RequestRateOptions options)
    : options_(std::move(options)), buckets_({.max_entries = options_.max_entries}) {}

std::optional<std::chrono::seconds> RequestRate::Refusal(absl::string_view who) {
  if (options_.per_second == 0) return std::nullopt;
  const double per_second = options_.per_second;
  const double full = per_second * static_cast<double>(base::kRequestBurst.count());
  std::lock_guard lock(mutex_);
  const auto now = options_.now();
  Bucket* bucket = buckets_.Find(who);
  if (bucket == nullptr) {
    buckets_.Put(who, {.requests_left = full - 1, .filled_at = now}, who.size());
    return std::nullopt;
  }
  const std::chrono::duration<double> passed = now - bucket->filled_at;
  bucket->requests_left = std::min(full, bucket->requests_left + passed.count() * per_second);
  bucket->filled_at = now;
  if (bucket->requests_left < 1) return std::chrono::seconds(1);
  bucket->requests_left -= 1;
  return std::nullopt;
}

}  // namespace registry::gateway
