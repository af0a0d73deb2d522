#include "controlplane/policy/holder.h"

#include <utility>

namespace registry::controlplane {

PolicyHolder::PolicyHolder(PolicySnapshot first) : current_(std::move(first)) {}

PolicySnapshot PolicyHolder::Current() const {
  std::lock_guard lock(mutex_);
  return current_;
}

int64_t PolicyHolder::revision() const {
  std::lock_guard lock(mutex_);
  return current_.revision;
}

void PolicyHolder::Replace(PolicySnapshot next) {
  {
    std::lock_guard lock(mutex_);
    if (next.revision < current_.revision) return;
    // `next` frees the old snapshot after the lock is released.
    std::swap(current_, next);
  }
  std::lock_guard lock(listeners_mutex_);
  for (const auto& [id, listener] : listeners_) listener();
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
