// Runs file jobs on worker threads; those that name the same incarnation one at a time, in order.
//
//   if (!executor.Submit(incarnation, FileExecutor::kShort, [=] { Append(); })) return TooBusy();
//
// So what an upload consists of needs no lock, and however many requests one upload gets, they
// occupy one thread together. Jobs that take long – hashing a whole file, flushing it – have
// threads of their own: chunks that move never wait behind them. Thread-safe. Jobs must not throw.
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

  // Runs what is queued, then ends the threads.
  ~FileExecutor();

  // A job that needs no order. UNAVAILABLE when too many wait; `job` is then destroyed unrun.
  absl::Status Submit(Job job);

  // A job that starts when all earlier ones of the incarnation have ended.
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
  // The first entry of a queue is the one that runs, or that a pool has been given to run.
  std::unordered_map<std::string, std::deque<Entry>> queues_ ABSL_GUARDED_BY(mutex_);

  // Jobs are no longer passed from pool to pool, because one of them may be gone.
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  // Last: their destructors run jobs that use all of the above.
  base::WorkerPool short_pool_;
  base::WorkerPool long_pool_;
};

}  // namespace registry::dataplane

#endif  // REGISTRY_DATAPLANE_FILE_EXECUTOR_H_
