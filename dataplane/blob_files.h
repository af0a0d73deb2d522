// The finished files of a data folder: finds, reads and deletes them by incarnation.
//
//   absl::StatusOr<BlobFile> blob = blobs.Open(incarnation, digest);
//   absl::StatusOr<size_t> n = blob->Read(offset, buffer, size);
//
// A finished file never changes, so an open one stays readable and correct even after its deletion.
// The digest gives the file's name; without it, calls list the incarnation's folder, one of 256.
// Thread-safe; calls block on files. Must not outlive the DataFolder.
#ifndef REGISTRY_DATAPLANE_BLOB_FILES_H_
#define REGISTRY_DATAPLANE_BLOB_FILES_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dataplane/data_folder.h"
#include "dataplane/incarnation.h"
#include "oci/digest.h"

namespace registry::dataplane {

// An open finished file. Thread-safe.
class BlobFile {
 public:
  BlobFile(UniqueFd fd, std::string path, oci::Digest digest, int64_t size_bytes)
      : fd_(std::move(fd)),
        path_(std::move(path)),
        digest_(std::move(digest)),
        size_bytes_(size_bytes) {}

  // Relative to the root.
  const std::string& path() const { return path_; }
  // The digest in the file's name.
  const oci::Digest& digest() const { return digest_; }
  int64_t size_bytes() const { return size_bytes_; }

  // OUT_OF_RANGE unless `length` is at least 1 and the file has these bytes from `offset`.
  absl::Status CheckRange(int64_t offset, int64_t length) const;

  // Reads exactly `size` bytes. DATA_LOSS if the file is damaged.
  absl::Status Read(int64_t offset, char* buffer, size_t size) const;

 private:
  UniqueFd fd_;
  std::string path_;
  oci::Digest digest_;
  int64_t size_bytes_;
};

class BlobFiles {
 public:
  explicit BlobFiles(DataFolder& folder) : folder_(folder) {}

  // The file of this incarnation and digest.
  // Errors: NOT_FOUND only if the store itself is readable; otherwise UNAVAILABLE.
  absl::StatusOr<BlobFile> Open(const Incarnation& incarnation, const oci::Digest& digest) const;

  // The file of this incarnation. A wrong hint only costs time. Errors: those of Open.
  absl::StatusOr<BlobFile> Find(const Incarnation& incarnation,
                                const std::optional<oci::Digest>& hint) const;

  // Deletes the file of this incarnation; succeeds if there is none. UNAVAILABLE if the store
  // cannot be read, because the file may still exist.
  //
  // The folder is not flushed: a power cut may bring the file back, as garbage that no row names
  // and whose name is never used again, and the scrubber removes such files.
  absl::Status Delete(const Incarnation& incarnation, const std::optional<oci::Digest>& hint);

 private:
  // Reads the digest from the listing of the folder. Errors: those of Open.
  absl::StatusOr<oci::Digest> FindDigest(const Incarnation& incarnation) const;

  // Error: NOT_FOUND.
  absl::Status Unlink(const std::string& path);

  // The error for a missing file: NOT_FOUND, or UNAVAILABLE if the store cannot be read.
  absl::Status NotFound(const Incarnation& incarnation) const;

  DataFolder& folder_;
};

}  // namespace registry::dataplane

#endif  // REGISTRY_DATAPLANE_BLOB_FILES_H_
