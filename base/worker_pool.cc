#include "base/worker_pool.h"

#include <algorithm>
#include <utility>

namespace registry::base {

WorkerPool::WorkerPool(size_t threads, size_t max_queued, size_t max_queued_bytes)
    : max_queued_(max_queued), max_queued_bytes_(max_queued_bytes) {
  threads_.reserve(threads);
  for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

WorkerPool::~WorkerPool() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool WorkerPool::Submit(std::function<void()> job, size_t bytes) {
  {
    std::lock_guard lock(mutex_);
    if (stopping_ || queue_.size() >= max_queued_) return false;
    const size_t left = max_queued_bytes_ - std::min(queued_bytes_, max_queued_bytes_);
    if (bytes > left && queued_bytes_ > 0) return false;
    queue_.push_back({std::move(job), bytes});
    queued_bytes_ += bytes;
  }
  wake_.notify_one();
  return true;
}

void WorkerPool::Run() {
  while (true) {
    std::function<void()> job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      job = std::move(queue_.front().run);
      queued_bytes_ -= queue_.front().bytes;
      queue_.pop_front();
    }
    job();
  }
}

}  // namespace registry::base
