#include "gateway/access_cache.h"

namespace registry::gateway {

void AccessCache::OnHeartbeat(int64_t revision, Steady now) {
  std::lock_guard lock(mutex_);
  last_heartbeat_ = now;
  if (revision <= revision_) return;
  revision_ = revision;
  index_.clear();
  entries_.clear();
}

int64_t AccessCache::revision() const {
  std::lock_guard lock(mutex_);
  return revision_;
}

std::optional<AccessAnswer> AccessCache::Find(const std::string& key, Steady now,
                                              std::chrono::system_clock::time_point wall_now) {
  std::lock_guard lock(mutex_);
  if (now - last_heartbeat_ > base::kPolicySilence) return std::nullopt;
  const auto it = index_.find(key);
  if (it == index_.end()) return std::nullopt;
  if (it->second->answer.expires_at <= wall_now) {
    entries_.erase(it->second);
    index_.erase(it);
    return std::nullopt;
  }
  entries_.splice(entries_.begin(), entries_, it->second);
  return it->second->answer;
}

void AccessCache::Insert(const std::string& key, AccessAnswer answer) {
  std::lock_guard lock(mutex_);
  if (answer.revision != revision_) return;
  if (const auto it = index_.find(key); it != index_.end()) {
    it->second->answer = std::move(answer);
    entries_.splice(entries_.begin(), entries_, it->second);
    return;
  }
  if (entries_.size() >= max_entries_) {
    index_.erase(entries_.back().key);
    entries_.pop_back();
  }
  entries_.push_front({key, std::move(answer)});
  index_[key] = entries_.begin();
}

}  // namespace registry::gateway
