// Records that blobs, manifests and upload sessions are in use, so that readers need not wait for
// the database's writer.
//
//   touches.Record(Touch::Blob(digest), blob.touched_at_ms, Lateness::kByAge,
//                  [](const absl::Status& status) { Answer(status); });
//
// A touch protects its row from collection or expiry for a grace period. Recently touched rows are
// not touched again. While more than half of the grace period is left, the answer need not wait:
// the touch is written soon after, batched with others. After that the answer waits, but holds no
// thread.
//
// A touch that could not be written is retried until an eighth of the grace period has passed, then
// dropped and logged. A database that cannot write hides nothing from readers: it cannot collect
// anything either, and pushing the manifest checks the rows again.
//
// Thread-safe. The database and the pool must outlive Stop().
#ifndef REGISTRY_CONTROLPLANE_METADATA_TOUCHES_H_
#define REGISTRY_CONTROLPLANE_METADATA_TOUCHES_H_

#include <chrono>
#include <compare>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "base/limits.h"
#include "base/worker_pool.h"
#include "controlplane/clock.h"
#include "controlplane/sql/database.h"
#include "oci/digest.h"

namespace registry::controlplane {

// A row that is in use.
struct Touch {
  enum class Kind { kBlob, kManifest, kUpload };

  static Touch Blob(const oci::Digest& digest) {
    return {.kind = Kind::kBlob, .id = digest.ToString()};
  }
  static Touch Manifest(int64_t repository_id, const oci::Digest& digest) {
    return {.kind = Kind::kManifest, .id = digest.ToString(), .repository_id = repository_id};
  }
  static Touch Upload(std::string id) { return {.kind = Kind::kUpload, .id = std::move(id)}; }

  auto operator<=>(const Touch&) const = default;

  Kind kind;
  // A digest, or the id of a session.
  std::string id;
  // Set for manifests.
  int64_t repository_id = 0;
};

enum class Lateness {
  // The answer may come before the touch while more than half of the grace period is left.
  kByAge,
  // The answer never waits, because something else protects the row.
  kAlways,
};

struct TouchesOptions {
  Database* database;
  // The database for touches.
  base::WorkerPool* writers;
  // Touches that may wait to be written, and answers that may wait for one.
  size_t max_waiting = base::kTouchQueue;
  std::chrono::milliseconds flush_interval = base::kTouchFlush;
  std::chrono::milliseconds answer_timeout = base::kTouchWait;
  std::chrono::milliseconds retry_interval = base::kTouchRetry;
  Clock now_ms = SystemNowMs;
};

class Touches {
 public:
  using Done = std::function<void(const absl::Status&)>;

  explicit Touches(TouchesOptions options);
  ~Touches() { Stop(); }

  Touches(const Touches&) = delete;
  Touches& operator=(const Touches&) = delete;

  // Calls `done` exactly once: before it returns if the answer need not wait, otherwise from
  // another thread. `touched_at_ms` is the value read from the row. Errors: BLOB_UNKNOWN,
  // MANIFEST_UNKNOWN or BLOB_UPLOAD_UNKNOWN if the row is gone; UNAVAILABLE if the touch was not
  // written in time, or too many touches wait.
  void Record(const Touch& touch, int64_t touched_at_ms, Lateness lateness, Done done);

  // Writes all touches recorded before. Call it before expiring idle rows. Blocks.
  // Errors: those of the database.
  absl::Status Flush();

  // Writes waiting touches and ends the thread. Record then answers UNAVAILABLE. May be repeated.
  void Stop();

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;

  struct Pending {
    // The latest use.
    int64_t used_at_ms;
    // The time at which the first attempt to write it was due.
    int64_t recorded_at_ms;
  };
  struct Waiting {
    Touch touch;
    SteadyTime deadline;
    Done done;
  };
  using Batch = std::map<Touch, Pending>;
  struct Answer {
    Done done;
    absl::Status status;
  };

  void Loop();
  // On the pool: writes one batch, and schedules the next if there is more.
  void WriteFromPool();
  // At most base::kTouchBatch touches, in one transaction.
  absl::Status WriteBatch();
  Batch TakeBatch() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // After a failed write: keeps the touches that may still be written in time.
  void PutBack(const Batch& batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OrderWrite(SteadyTime at) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::vector<Answer> TakeLate(SteadyTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const TouchesOptions options_;

  // Held while a batch is written, so that Flush returns after all earlier ones.
  std::mutex write_mutex_;

  std::mutex mutex_;
  std::condition_variable changed_;
  Batch pending_ ABSL_GUARDED_BY(mutex_);
  // In the order of their deadlines.
  std::list<Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
  SteadyTime write_at_ ABSL_GUARDED_BY(mutex_) = SteadyTime::max();
  // True while the pool has a job that has not ended.
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  // True if the last attempt failed.
  bool failing_ ABSL_GUARDED_BY(mutex_) = false;
  // Touches dropped since the last line in the log.
  int64_t given_up_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  // The last member: it uses the others.
  std::thread thread_;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_METADATA_TOUCHES_H_
