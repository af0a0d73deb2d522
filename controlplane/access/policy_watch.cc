#include "controlplane/access/policy_watch.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"

namespace registry::controlplane {

namespace {

absl::Status ShuttingDown() { return absl::UnavailableError("the control plane is shutting down"); }

}  // namespace

PolicyWatch::PolicyWatch(std::shared_ptr<PolicyHolder> policy, std::chrono::milliseconds heartbeat,
                         size_t max_watchers)
    : policy_(std::move(policy)),
      epoch_(absl::BytesToHexString(base::RandomBytes(16))),
      heartbeat_(heartbeat),
      max_watchers_(max_watchers) {
  listener_id_ = policy_->AddListener([this] {
    {
      std::lock_guard lock(mutex_);
      changed_ = true;
    }
    wake_.notify_one();
  });
  thread_ = std::thread([this] { Run(); });
}

PolicyWatch::~PolicyWatch() {
  policy_->RemoveListener(listener_id_);
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void PolicyWatch::Add(std::shared_ptr<Watcher> watcher) {
  absl::Status refusal;
  {
    std::lock_guard lock(mutex_);
    if (closed_) {
      refusal = ShuttingDown();
    } else if (watchers_.size() >= max_watchers_) {
      refusal = absl::UnavailableError(
          absl::StrCat(max_watchers_, " clients already watch the policy; no more are allowed"));
    }
    watchers_.emplace(watcher.get(), watcher);
  }
  // Only now, so that it misses no change.
  if (refusal.ok()) {
    watcher->Notify();
  } else {
    watcher->End(refusal);
  }
}

v1::WatchPolicyResponse PolicyWatch::Newest() const {
  v1::WatchPolicyResponse newest;
  newest.set_revision(policy_->revision());
  newest.set_epoch(epoch_);
  return newest;
}

void PolicyWatch::Close() {
  std::vector<std::shared_ptr<Watcher>> watchers;
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    for (const auto& [key, watcher] : watchers_) watchers.push_back(watcher);
  }
  for (const auto& watcher : watchers) watcher->End(ShuttingDown());
}

void PolicyWatch::Run() {
  auto next_heartbeat = std::chrono::steady_clock::now() + heartbeat_;
  std::vector<std::shared_ptr<Watcher>> watchers;
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait_until(lock, next_heartbeat, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return stopping_ || changed_;
    });
    if (stopping_) return;
    changed_ = false;
    for (const auto& [key, watcher] : watchers_) watchers.push_back(watcher);
    // Without the lock, because watchers may end meanwhile.
    lock.unlock();
    for (const auto& watcher : watchers) watcher->Notify();
    watchers.clear();
    lock.lock();
    next_heartbeat = std::chrono::steady_clock::now() + heartbeat_;
  }
}

void PolicyWatch::Remove(Watcher* watcher) {
  std::shared_ptr<Watcher> last;
  std::lock_guard lock(mutex_);
  const auto found = watchers_.find(watcher);
  last = std::move(found->second);
  watchers_.erase(found);
}

}  // namespace registry::controlplane
