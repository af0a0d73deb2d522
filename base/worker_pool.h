// Fixed set of threads with a bounded queue, for work that blocks: SQL, files, bcrypt.
//
//   if (!pool.Submit([=] { Work(); })) return absl::UnavailableError("too busy");
//
// Thread-safe. Jobs must not throw.
#ifndef REGISTRY_BASE_WORKER_POOL_H_
#define REGISTRY_BASE_WORKER_POOL_H_

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"

namespace registry::base {

class WorkerPool {
 public:
  // At most `max_queued` jobs wait for one of the `threads` threads.
  WorkerPool(size_t threads, size_t max_queued);

  // Runs all queued jobs, then joins the threads.
  ~WorkerPool();

  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Returns false, without running `job`, if the queue is full or the pool is being destroyed.
  [[nodiscard]] bool Submit(std::function<void()> job);

 private:
  void Run();

  const size_t max_queued_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace registry::base

#endif  // REGISTRY_BASE_WORKER_POOL_H_
