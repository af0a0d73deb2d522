// What has to be done from time to time: ending idle upload sessions, forgetting finished ones, and
// having trash deleted.
//
//   Upkeep upkeep({.database = &database, .nodes = &nodes});
//   upkeep.Start();   // at once, then every minute; ends with the object
//
// Several control planes may do it at the same time: claims keep them apart, and doing an order
// twice does no harm. Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_UPKEEP_H_
#define REGISTRY_CONTROLPLANE_UPKEEP_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "base/limits.h"
#include "controlplane/clock.h"
#include "controlplane/sql/database.h"
#include "controlplane/storage_nodes.h"
#include "controlplane/touches.h"

namespace registry::controlplane {

struct UpkeepOptions {
  // These must outlive the object.
  Database* database;
  StorageNodes* nodes;
  // Written before anything is expired for being idle. May be null.
  Touches* touches = nullptr;
  std::chrono::milliseconds interval = base::kUpkeepInterval;
  Clock now_ms = SystemNowMs;
};

class Upkeep {
 public:
  explicit Upkeep(UpkeepOptions options) : options_(std::move(options)) {}
  ~Upkeep() { Stop(); }

  Upkeep(const Upkeep&) = delete;
  Upkeep& operator=(const Upkeep&) = delete;

  // Call it at most once.
  void Start();

  // Ends the thread, after what it does just now. May be repeated.
  void Stop();

  // Does all that is due now, at most base::kUpkeepMaxBatches batches of each kind. Trash whose
  // node refuses is logged and stays. Errors: those of the database.
  absl::Status RunOnce();

 private:
  void Loop();
  absl::Status Expire();
  absl::Status DeleteTrash();

  const UpkeepOptions options_;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::thread thread_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_UPKEEP_H_
