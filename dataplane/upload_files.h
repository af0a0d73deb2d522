// The unfinished files of a data folder: written, resumed, and turned into finished ones.
//
//   auto writer = uploads.BeginWrite(incarnation, 0, DigestAlgorithm::kSha256, on_cut);
//   uploads.Append(**writer, chunk);
//   uploads.EndWrite(**writer);
//   uploads.Finish(incarnation, digest, cancelled);
//
// How long an upload is, is how long its file is: that survives a crash, and a hash state is only
// used when it covers exactly that many bytes. At most one writer is open for an incarnation, and
// the newest request wins: BeginWrite, Finish and Delete cut the writer that was open.
//
// Calls for one incarnation must not overlap (dataplane/file_executor.h sees to it); calls for
// different ones may. They block on files. Must not outlive the DataFolder.
#ifndef REGISTRY_DATAPLANE_UPLOAD_FILES_H_
#define REGISTRY_DATAPLANE_UPLOAD_FILES_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dataplane/blob_files.h"
#include "dataplane/data_folder.h"
#include "dataplane/hash_states.h"
#include "dataplane/incarnation.h"
#include "oci/digest.h"

namespace registry::dataplane {

// An upload that is being written. Ends with EndWrite, or when the last owner lets go of it.
struct UploadWriter;

// What is stored of an incarnation.
struct StoredSize {
  int64_t size_bytes;
  bool finished;
};

class UploadFiles {
 public:
  // Told once, with ABORTED and the reason, when a newer request ends this writer. Must not block.
  using OnCut = std::function<void(const absl::Status& reason)>;

  // Hash states of at most `max_hash_states` uploads wait for their next request.
  UploadFiles(DataFolder& folder, BlobFiles& blobs, size_t max_hash_states);

  UploadFiles(const UploadFiles&) = delete;
  UploadFiles& operator=(const UploadFiles&) = delete;

  // Cuts an open writer, then starts one at `offset`, which must be the number of bytes stored.
  // Errors: BLOB_UPLOAD_INVALID / OUT_OF_RANGE (it is not; nothing has changed),
  // FAILED_PRECONDITION (finished), UNAVAILABLE (no writes after a failed flush).
  absl::StatusOr<std::shared_ptr<UploadWriter>> BeginWrite(const Incarnation& incarnation,
                                                           int64_t offset,
                                                           oci::DigestAlgorithm algorithm,
                                                           OnCut on_cut);

  // Errors: ABORTED (cut), RESOURCE_EXHAUSTED, UNAVAILABLE, DATA_LOSS. The bytes written before the
  // error are kept and counted, except that a full disk deletes the whole upload: clients begin
  // again, and half an upload must not keep the disk full.
  absl::Status Append(UploadWriter& writer, absl::string_view chunk);

  // Returns the bytes stored. Error: ABORTED (cut).
  absl::StatusOr<int64_t> EndWrite(UploadWriter& writer);

  // Verifies that the bytes hash to `digest`, and makes them durable and finished. When it did so
  // before, it succeeds again. Returns the size. `cancelled` is asked while bytes are read again.
  // Errors: DIGEST_INVALID (the upload stays as it is), RESOURCE_EXHAUSTED, UNAVAILABLE, DATA_LOSS,
  // CANCELLED.
  absl::StatusOr<int64_t> Finish(const Incarnation& incarnation, const oci::Digest& digest,
                                 const std::function<bool()>& cancelled);

  // Errors: NOT_FOUND, only while the store itself can be read; else UNAVAILABLE.
  absl::StatusOr<StoredSize> Stat(const Incarnation& incarnation,
                                  const std::optional<oci::Digest>& hint) const;

  // Deletes what is stored, finished or not; nothing is success.
  absl::Status Delete(const Incarnation& incarnation, const std::optional<oci::Digest>& hint);

 private:
  friend struct UploadWriter;

  // Ends the writer that is open, if any.
  void Cut(const Incarnation& incarnation, const absl::Status& reason);
  // Closes the file and keeps the hash state. Repeating it does nothing.
  void Release(UploadWriter& writer);
  // Deletes the unfinished bytes of an incarnation without a writer; nothing is success.
  absl::Status DeleteUnfinished(const Incarnation& incarnation);

  // The upload's file, made when there is none and `offset` is 0.
  absl::StatusOr<UniqueFd> OpenUpload(const Incarnation& incarnation, int64_t offset);
  // Finish for an incarnation without an unfinished file.
  absl::StatusOr<int64_t> FinishAgain(const Incarnation& incarnation, const oci::Digest& digest);
  // Flushes, renames, flushes the folders.
  absl::Status MoveToFinished(const Incarnation& incarnation, const oci::Digest& digest, int fd);
  absl::Status FlushFolders(const Incarnation& incarnation);

  // `owners` alone could not tell a writer in its destructor from its successor.
  struct OpenWriter {
    const UploadWriter* writer;
    std::weak_ptr<UploadWriter> owners;
  };

  DataFolder& folder_;
  BlobFiles& blobs_;
  HashStates hash_states_;

  std::mutex mutex_;
  std::unordered_map<std::string, OpenWriter> writers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace registry::dataplane

#endif  // REGISTRY_DATAPLANE_UPLOAD_FILES_H_
