#include "controlplane/sql/write_queue.h"

#include <algorithm>
#include <vector>

#include "base/limits.h"

namespace registry::controlplane {

void WriteQueue::Run(WaitingWrite& write,
                     absl::FunctionRef<void(absl::Span<WaitingWrite* const>)> run) {
  std::unique_lock lock(mutex_);
  queue_.push_back(&write);
  while (!write.done) {
    if (running_) {
      changed_.wait(lock);
      continue;
    }
    running_ = true;
    const size_t size = std::min(queue_.size(), base::kSqlGroup);
    const std::vector<WaitingWrite*> group(queue_.begin(), queue_.begin() + size);
    queue_.erase(queue_.begin(), queue_.begin() + size);
    lock.unlock();
    run(group);
    lock.lock();
    for (WaitingWrite* done : group) done->done = true;
    running_ = false;
    changed_.notify_all();
  }
}

}  // namespace registry::controlplane
