#include "gateway/access/access_cache.h"

#include <utility>

namespace registry::gateway {

bool AccessCache::OnHeartbeat(absl::string_view epoch, int64_t revision, Steady now) {
  std::lock_guard lock(mutex_);
  const bool same_epoch = epoch == epoch_;
  const bool lower = revision < revision_;
  if (!same_epoch && lower) {
    if (lower_epoch_ != epoch) {
      lower_epoch_ = std::string(epoch);
      lower_since_ = now;
    }
    // Ignore such a heartbeat: until then the gateway asks the control plane for every request.
    if (now - lower_since_ < base::kPolicyLag) return false;
  }
  last_heartbeat_ = now;
  if (same_epoch && revision <= revision_) return false;
  lower_epoch_.clear();
  epoch_ = std::string(epoch);
  revision_ = revision;
  entries_.Clear();
  return lower;
}

int64_t AccessCache::revision() const {
  std::lock_guard lock(mutex_);
  return revision_;
}

std::optional<AccessAnswer> AccessCache::Find(absl::string_view key, Steady now,
                                              std::chrono::system_clock::time_point wall_now) {
  std::lock_guard lock(mutex_);
  if (now - last_heartbeat_ > base::kPolicySilence) return std::nullopt;
  const AccessAnswer* answer = entries_.Find(key);
  if (answer == nullptr) return std::nullopt;
  if (answer->expires_at > wall_now) return *answer;
  entries_.Take(key);
  return std::nullopt;
}

void AccessCache::Insert(absl::string_view key, AccessAnswer answer) {
  std::lock_guard lock(mutex_);
  if (answer.revision != revision_) return;
  const size_t bytes = key.size() + answer.principal.capacity() + answer.reason.capacity();
  entries_.Put(key, std::move(answer), bytes);
}

}  // namespace registry::gateway
