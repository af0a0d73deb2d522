// Runs file jobs on worker threads; jobs of the same incarnation run one at a time, in order.
//
//   if (!executor.Submit(incarnation, FileExecutor::kShort, [=] { Append(); })) return TooBusy();
//
// So the state of an upload needs no lock, and all requests of one upload together occupy one
// thread. Long jobs, such as hashing or flushing a whole file, have separate threads: chunks never
// wait behind them. Thread-safe. Jobs must not throw.
#ifndef REGISTRY_DATAPLANE_FILE_EXECUTOR_H_
#define REGISTRY_DATAPLANE_FILE_EXECUTOR_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "base/worker_pool.h"
#include "dataplane/incarnation.h"

namespace registry::dataplane {

struct FileExecutorOptions {
  size_t short_threads;
  size_t long_threads;
  // Jobs that wait for a thread, of each length.
  size_t max_queued;
  // Jobs that run or wait on one incarnation.
  size_t max_jobs_per_incarnation = 32;
};

class FileExecutor {
 public:
  enum Length { kShort, kLong };
  using Job = std::function<void()>;

  explicit FileExecutor(FileExecutorOptions options);

  // Runs all queued jobs, then joins the threads.
  ~FileExecutor();

  // Submits a job without an order. UNAVAILABLE, without running `job`, if too many wait.
  absl::Status Submit(Job job);

  // Submits a job that starts after all earlier jobs of the incarnation have ended.
  absl::Status Submit(const Incarnation& incarnation, Length length, Job job);

 private:
  struct Entry {
    Length length;
    Job job;
  };

  base::WorkerPool& pool(Length length) { return length == kShort ? short_pool_ : long_pool_; }
  void Run(const std::string& incarnation);

  const size_t max_jobs_per_incarnation_;
  std::mutex mutex_;
  // The first entry of a queue runs, or waits in a pool.
  std::unordered_map<std::string, std::deque<Entry>> queues_ ABSL_GUARDED_BY(mutex_);

  // Set by the destructor: stop passing jobs from pool to pool, because one pool may be gone.
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  // Last: their destructors run jobs that use all of the above.
  base::WorkerPool short_pool_;
  base::WorkerPool long_pool_;
};

}  // namespace registry::dataplane

#endif  // REGISTRY_DATAPLANE_FILE_EXECUTOR_H_
