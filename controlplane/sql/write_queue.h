// Transactions that wait for the only connection that may write (SQLite).
//
// The first thread that waits runs what the others brought, as one group, and wakes them: so those
// that meet share one flush of the disk. Groups hold transactions in the order of their arrival, so
// that a busy thread does not keep out the others.
// Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_SQL_WRITE_QUEUE_H_
#define REGISTRY_CONTROLPLANE_SQL_WRITE_QUEUE_H_

#include <condition_variable>
#include <deque>
#include <mutex>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "controlplane/sql/engine.h"
#include "controlplane/sql/transaction.h"

namespace registry::controlplane {

// One transaction; lives on the stack of the thread that waits for it.
struct WaitingWrite {
  TransactionMode mode;
  absl::FunctionRef<absl::Status(Transaction&)> body;
  // The result.
  absl::Status status;
  bool may_retry = false;
  bool done = false;
};

class WriteQueue {
 public:
  // Returns when `write` is done: this thread or another one has called `run` with it, among
  // others. One `run` at a time.
  void Run(WaitingWrite& write, absl::FunctionRef<void(absl::Span<WaitingWrite* const>)> run);

  // Threads that wait, the one that runs a group left out.
  size_t waiting() const {
    std::lock_guard lock(mutex_);
    return queue_.size();
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<WaitingWrite*> queue_ ABSL_GUARDED_BY(mutex_);
  bool running_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_SQL_WRITE_QUEUE_H_
