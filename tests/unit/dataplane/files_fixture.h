// A data folder with its blobs and uploads, that can be closed and opened again like a node.
#ifndef REGISTRY_TESTS_UNIT_DATAPLANE_FILES_FIXTURE_H_
#define REGISTRY_TESTS_UNIT_DATAPLANE_FILES_FIXTURE_H_

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "base/hash.h"
#include "dataplane/blob_files.h"
#include "dataplane/data_folder.h"
#include "dataplane/upload_files.h"
#include "temp_folder.h"

namespace registry::dataplane {

class FilesFixture : public ::testing::Test {
 protected:
  FilesFixture() { Restart(); }

  void Restart(size_t max_hash_states = 100) {
    uploads_.reset();
    blobs_.reset();
    folder_.reset();
    DataFolderOptions options = options_;
    options.root = temp_.path();
    folder_ = *DataFolder::Open(options);
    blobs_.emplace(*folder_);
    uploads_.emplace(*folder_, *blobs_, max_hash_states);
  }

  static Incarnation NewIncarnation() { return *Incarnation::Parse(base::NewUuid7()); }
  static bool NotCancelled() { return false; }

  absl::StatusOr<std::shared_ptr<UploadWriter>> Begin(const Incarnation& incarnation,
                                                      int64_t offset, absl::Status* cut = nullptr) {
    return uploads_->BeginWrite(incarnation, offset, oci::DigestAlgorithm::kSha256,
                                [cut](const absl::Status& reason) {
                                  if (cut != nullptr) *cut = reason;
                                });
  }

  // One whole write.
  absl::StatusOr<int64_t> Write(const Incarnation& incarnation, int64_t offset,
                                absl::string_view bytes) {
    absl::StatusOr<std::shared_ptr<UploadWriter>> writer = Begin(incarnation, offset);
    if (!writer.ok()) return writer.status();
    absl::Status status = uploads_->Append(**writer, bytes);
    if (!status.ok()) return status;
    return uploads_->EndWrite(**writer);
  }

  absl::StatusOr<int64_t> Finish(const Incarnation& incarnation, const oci::Digest& digest) {
    return uploads_->Finish(incarnation, digest, NotCancelled);
  }

  // What a finished incarnation holds.
  std::string Content(const Incarnation& incarnation, const oci::Digest& digest) {
    absl::StatusOr<BlobFile> blob = blobs_->Open(incarnation, digest);
    EXPECT_TRUE(blob.ok()) << blob.status();
    if (!blob.ok()) return "";
    std::string bytes(static_cast<size_t>(blob->size_bytes()), '\0');
    absl::Status status = blob->Read(0, bytes.data(), bytes.size());
    EXPECT_TRUE(status.ok()) << status;
    return bytes;
  }

  TempFolder temp_;
  DataFolderOptions options_;
  std::unique_ptr<DataFolder> folder_;
  std::optional<BlobFiles> blobs_;
  std::optional<UploadFiles> uploads_;
};

}  // namespace registry::dataplane

#endif  // REGISTRY_TESTS_UNIT_DATAPLANE_FILES_FIXTURE_H_
