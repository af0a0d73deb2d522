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
#include <limits>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"

namespace registry::base {

class WorkerPool {
 public:
  // At most `max_queued` jobs wait for one of the `threads` threads, and they hold at most
  // `max_queued_bytes`.
  WorkerPool(size_t threads, size_t max_queued,
             size_t max_queued_bytes = std::numeric_limits<size_t>::max());

  // Runs all queued jobs, then joins the threads.
  ~WorkerPool();

  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // `bytes`: the memory that the job holds. A job larger than `max_queued_bytes` is accepted while
  // no other bytes wait. Returns false, without running `job`, if the queue is full or the pool is
  // being destroyed.
  [[nodiscard]] bool Submit(std::function<void()> job, size_t bytes = 0);

 private:
  struct Job {
    std::function<void()> run;
    size_t bytes;
  };

  void Run();

  const size_t max_queued_;
  const size_t max_queued_bytes_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> queue_ ABSL_GUARDED_BY(mutex_);
  size_t queued_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace registry::base

#endif  // REGISTRY_BASE_WORKER_POOL_H_
