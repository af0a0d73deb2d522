// Checks that the stored bytes of a blob exist, and records the result in the database.
//
//   checker.Check(digest, blob, [](absl::StatusOr<BlobChecker::Finding> finding) { … });
//
// A live blob whose bytes are missing, or have another size, becomes suspect: clients learn that
// they must push it, and the push replaces it. A suspect blob whose bytes exist again becomes live.
// Both apply only to the checked incarnation, and only if its storage node can read its store. If a
// store seems to lose many blobs in a short time, its blobs stay as they are.
//
// Thread-safe. The objects in the options must outlive this object, and this object its calls.
#ifndef REGISTRY_CONTROLPLANE_METADATA_BLOB_CHECKER_H_
#define REGISTRY_CONTROLPLANE_METADATA_BLOB_CHECKER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/limits.h"
#include "base/worker_pool.h"
#include "controlplane/clock.h"
#include "controlplane/metadata/blobs.h"
#include "controlplane/sql/database.h"
#include "controlplane/storage/node_client.h"
#include "oci/digest.h"

namespace registry::controlplane {

struct BlobCheckerOptions {
  Database* database;
  const NodeRegistry* nodes;
  // The database for the results.
  base::WorkerPool* writers;
  // Blobs that become suspect in base::kSuspectWindow; of more, Check returns UNAVAILABLE.
  size_t max_suspects = base::kMaxSuspects;
  Clock now_ms = SystemNowMs;
};

class BlobChecker {
 public:
  enum class Finding {
    kIntact,   // the bytes exist, and the blob is live
    kDamaged,  // they do not, and the blob is suspect
    kChanged,  // another copy has replaced this one: read the blob again
  };

  explicit BlobChecker(BlobCheckerOptions options) : options_(std::move(options)) {}

  BlobChecker(const BlobChecker&) = delete;
  BlobChecker& operator=(const BlobChecker&) = delete;

  // Does not block. `done` is called once, on any thread, and must not block.
  // Errors: UNAVAILABLE if the store cannot be read or seems to lose too many blobs, and those of
  // the database; then nothing has changed.
  void Check(const oci::Digest& digest, const Blob& blob,
             std::function<void(absl::StatusOr<Finding>)> done);

 private:
  // Runs on `writers`.
  absl::StatusOr<Finding> Record(const oci::Digest& digest, const Blob& blob, bool intact);
  // OK if one more blob may become suspect.
  absl::Status CheckSuspects();
  void CountSuspect();

  const BlobCheckerOptions options_;

  std::mutex mutex_;
  // The times at which the newest blobs became suspect; at most options_.max_suspects.
  std::deque<int64_t> suspects_ms_ ABSL_GUARDED_BY(mutex_);
  // True if a refusal was logged since the last mark.
  bool logged_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_METADATA_BLOB_CHECKER_H_
