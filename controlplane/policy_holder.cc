#include "controlplane/policy_holder.h"

#include <utility>

namespace registry::controlplane {

PolicyHolder::PolicyHolder(Policy first)
    : current_{.policy = std::make_shared<const Policy>(std::move(first)), .revision = 1} {}

PolicySnapshot PolicyHolder::Current() const {
  std::lock_guard lock(mutex_);
  return current_;
}

int64_t PolicyHolder::revision() const {
  std::lock_guard lock(mutex_);
  return current_.revision;
}

int64_t PolicyHolder::Replace(Policy next) {
  auto policy = std::make_shared<const Policy>(std::move(next));
  int64_t revision;
  {
    std::lock_guard lock(mutex_);
    current_.policy.swap(policy);
    revision = ++current_.revision;
  }
  std::lock_guard lock(listeners_mutex_);
  for (const auto& [id, listener] : listeners_) listener();
  return revision;
}

int64_t PolicyHolder::AddListener(Listener listener) {
  std::lock_guard lock(listeners_mutex_);
  listeners_.emplace(++last_listener_id_, std::move(listener));
  return last_listener_id_;
}

void PolicyHolder::RemoveListener(int64_t id) {
  std::lock_guard lock(listeners_mutex_);
  listeners_.erase(id);
}

}  // namespace registry::controlplane
