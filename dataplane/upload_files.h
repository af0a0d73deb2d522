// The unfinished files of a data folder: writes, resumes and finishes them.
//
//   auto writer = uploads.BeginWrite(incarnation, 0, DigestAlgorithm::kSha256, on_cut);
//   uploads.Append(**writer, chunk);
//   uploads.EndWrite(**writer);
//   uploads.Finish(incarnation, digest, cancelled);
//
// The size of an upload is the size of its file, which survives a crash. A hash state counts only
// if it covers exactly that many bytes. An incarnation has at most one open writer, and the newest
// request wins: BeginWrite, Finish and Delete cut an open writer.
//
// Calls for one incarnation must not overlap (dataplane/file_executor.h ensures that); calls for
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

// An open write. Ends with EndWrite, or when the last owner releases it.
struct UploadWriter;

// The stored size of an incarnation.
struct StoredSize {
  int64_t size_bytes;
  bool finished;
};

class UploadFiles {
 public:
  // Called once, with ABORTED and the reason, if a newer request ends this writer. Must not block.
  using OnCut = std::function<void(const absl::Status& reason)>;

  // Keeps hash states of at most `max_hash_states` uploads between requests.
  UploadFiles(DataFolder& folder, BlobFiles& blobs, size_t max_hash_states);

  UploadFiles(const UploadFiles&) = delete;
  UploadFiles& operator=(const UploadFiles&) = delete;

  // Cuts an open writer, then starts one at `offset`, which must equal the number of stored bytes.
  // Errors: BLOB_UPLOAD_INVALID / OUT_OF_RANGE (it is not; nothing has changed),
  // FAILED_PRECONDITION (finished), UNAVAILABLE (no writes after a failed flush).
  absl::StatusOr<std::shared_ptr<UploadWriter>> BeginWrite(const Incarnation& incarnation,
                                                           int64_t offset,
                                                           oci::DigestAlgorithm algorithm,
                                                           OnCut on_cut);

  // Errors: ABORTED (cut), RESOURCE_EXHAUSTED, UNAVAILABLE, DATA_LOSS. The bytes written before the
  // error are kept and counted. But a full disk deletes the whole upload: clients start again, and
  // a partial upload must not keep the disk full.
  absl::Status Append(UploadWriter& writer, absl::string_view chunk);

  // Returns the number of stored bytes. Error: ABORTED (cut).
  absl::StatusOr<int64_t> EndWrite(UploadWriter& writer);

  // Verifies that the bytes hash to `digest`, makes them durable and finishes the upload. Succeeds
  // again if repeated. Returns the size. Calls `cancelled` while it reads bytes again.
  // Errors: DIGEST_INVALID (the upload stays as it is), RESOURCE_EXHAUSTED, UNAVAILABLE, DATA_LOSS,
  // CANCELLED.
  absl::StatusOr<int64_t> Finish(const Incarnation& incarnation, const oci::Digest& digest,
                                 const std::function<bool()>& cancelled);

  // Errors: NOT_FOUND only if the store itself is readable; otherwise UNAVAILABLE.
  absl::StatusOr<StoredSize> Stat(const Incarnation& incarnation,
                                  const std::optional<oci::Digest>& hint) const;

  // Deletes the upload, finished or not; succeeds if nothing is stored.
  absl::Status Delete(const Incarnation& incarnation, const std::optional<oci::Digest>& hint);

 private:
  friend struct UploadWriter;

  // Ends the open writer, if any.
  void Cut(const Incarnation& incarnation, const absl::Status& reason);
  // Closes the file and keeps the hash state. Repeating it does nothing.
  void Release(UploadWriter& writer);
  // Deletes the unfinished bytes of an incarnation without a writer; succeeds if there are none.
  absl::Status DeleteUnfinished(const Incarnation& incarnation);

  // Opens the upload's file; creates it if missing and `offset` is 0.
  absl::StatusOr<UniqueFd> OpenUpload(const Incarnation& incarnation, int64_t offset);
  // Like Finish, for an incarnation without an unfinished file.
  absl::StatusOr<int64_t> FinishAgain(const Incarnation& incarnation, const oci::Digest& digest);
  // Flushes, renames, flushes the folders.
  absl::Status MoveToFinished(const Incarnation& incarnation, const oci::Digest& digest, int fd);
  absl::Status FlushFolders(const Incarnation& incarnation);

  // `owners` alone cannot distinguish a writer in its destructor from its successor.
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
