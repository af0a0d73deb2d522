// Background work: ends idle upload sessions, forgets finished ones, has nodes delete trash, and
// searches them for unfinished files without a row.
//
//   Upkeep upkeep({.database = &database, .nodes = &nodes});
//   upkeep.Start();   // at once, then every minute; ends with the object
//   upkeep.Wake();             // there is trash: do not wait for the next minute
//   upkeep.MakeRoom("alice");  // the disk is full
//
// Several control planes may do it at the same time: claims keep them apart, and doing an order
// twice does no harm. Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_UPKEEP_UPKEEP_H_
#define REGISTRY_CONTROLPLANE_UPKEEP_UPKEEP_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/limits.h"
#include "controlplane/clock.h"
#include "controlplane/metadata/touches.h"
#include "controlplane/sql/database.h"
#include "controlplane/storage/node_client.h"

namespace registry::controlplane {

struct UpkeepOptions {
  // These must outlive the object.
  Database* database;
  const NodeRegistry* nodes;
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

  // Ends the thread after its current step. May be repeated.
  void Stop();

  // Runs soon. Does not block.
  void Wake();

  // Call it if there was no space for an upload of `principal` (empty: an anonymous client). Upkeep
  // runs soon and ends upload sessions that were idle for base::kUploadMakesRoom: those of
  // `principal`, or if there are none, those of all. Does not block.
  void MakeRoom(const std::string& principal);

  // Does all work that is due, at most base::kUpkeepMaxBatches batches of each kind. If a node
  // refuses to delete trash, logs that and keeps the trash. Errors: those of the database.
  absl::Status RunOnce();

 private:
  // Principals who need space; all principals if `everybody`.
  struct RoomRequests {
    std::set<std::string> principals;
    bool everybody = false;
  };

  void Loop();
  absl::Status EndIdle();
  // Returns how many sessions ended. Nullopt: those of all principals.
  absl::StatusOr<int64_t> EndIdleOf(const std::optional<std::string>& principal);
  absl::Status Expire();
  absl::Status DeleteTrash();
  void Sweep();

  const UpkeepOptions options_;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  RoomRequests room_requests_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_ ABSL_GUARDED_BY(mutex_);

  // One run at a time.
  std::mutex run_mutex_;
  // Times of the next search, by node id.
  std::map<std::string, int64_t> sweep_at_ms_ ABSL_GUARDED_BY(run_mutex_);
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_UPKEEP_UPKEEP_H_
