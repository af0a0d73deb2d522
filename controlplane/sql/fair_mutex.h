// A mutex that serves threads in the order of their requests.
//
// With std::mutex, a thread that unlocks it and locks it again at once overtakes waiting threads: a
// busy writer could starve the others. Works with std::lock_guard.
// Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_SQL_FAIR_MUTEX_H_
#define REGISTRY_CONTROLPLANE_SQL_FAIR_MUTEX_H_

#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "absl/base/thread_annotations.h"

namespace registry::controlplane {

class ABSL_LOCKABLE FairMutex {
 public:
  void lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() {
    std::unique_lock lock(mutex_);
    const uint64_t ticket = next_++;
    turn_.wait(lock, [&] { return serving_ == ticket; });
  }

  void unlock() ABSL_UNLOCK_FUNCTION() {
    {
      std::lock_guard lock(mutex_);
      ++serving_;
    }
    turn_.notify_all();
  }

  // The number of waiting threads.
  uint64_t waiting() const {
    std::lock_guard lock(mutex_);
    return next_ > serving_ ? next_ - serving_ - 1 : 0;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable turn_;
  uint64_t next_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t serving_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_SQL_FAIR_MUTEX_H_
