#include "dataplane/blob_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <limits>

#include "files_fixture.h"

namespace registry::dataplane {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class BlobFilesTest : public FilesFixture {
 protected:
  Incarnation Store(absl::string_view bytes) {
    const Incarnation incarnation = NewIncarnation();
    EXPECT_TRUE(Write(incarnation, 0, bytes).ok());
    EXPECT_TRUE(Finish(incarnation, DigestOf(bytes)).ok());
    return incarnation;
  }
};

TEST_F(BlobFilesTest, IsFoundWithTheRightHintAWrongOneAndNone) {
  const Incarnation incarnation = Store("foo");
  for (const std::optional<oci::Digest>& hint :
       {std::optional(DigestOf("foo")), std::optional(DigestOf("bar")),
        std::optional<oci::Digest>()}) {
    absl::StatusOr<BlobFile> blob = blobs_->Find(incarnation, hint);
    ASSERT_TRUE(blob.ok()) << blob.status();
    EXPECT_EQ(blob->digest(), DigestOf("foo"));
    EXPECT_EQ(blob->size_bytes(), 3);
  }
}

TEST_F(BlobFilesTest, OpenWantsTheVeryDigest) {
  const Incarnation incarnation = Store("foo");
  EXPECT_TRUE(absl::IsNotFound(blobs_->Open(incarnation, DigestOf("bar")).status()));
  EXPECT_TRUE(absl::IsNotFound(blobs_->Open(NewIncarnation(), DigestOf("foo")).status()));
  EXPECT_TRUE(absl::IsNotFound(blobs_->Find(NewIncarnation(), std::nullopt).status()));
}

TEST_F(BlobFilesTest, ARangeMustBeInside) {
  const Incarnation incarnation = Store("0123456789");
  absl::StatusOr<BlobFile> blob = blobs_->Find(incarnation, std::nullopt);
  ASSERT_TRUE(blob.ok());
  EXPECT_TRUE(blob->CheckRange(0, 10).ok());
  EXPECT_TRUE(blob->CheckRange(9, 1).ok());
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  for (const auto& [offset, length] : std::initializer_list<std::pair<int64_t, int64_t>>{
           {0, 11}, {10, 1}, {0, 0}, {-1, 5}, {0, -1}, {5, kMax}, {kMax, kMax}, {kMax, 1}}) {
    absl::Status status = blob->CheckRange(offset, length);
    EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange) << offset << " " << length;
    EXPECT_THAT(std::string(status.message()), HasSubstr("has 10 bytes"));
  }
}

TEST_F(BlobFilesTest, AFileThatBecameShorterIsDataLoss) {
  const Incarnation incarnation = Store("0123456789");
  absl::StatusOr<BlobFile> blob = blobs_->Find(incarnation, std::nullopt);
  ASSERT_TRUE(blob.ok());
  std::filesystem::resize_file(temp_.path() + "/" + blob->path(), 4);
  char buffer[10];
  absl::Status status = blob->Read(0, buffer, sizeof buffer);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("byte 4"), HasSubstr("had 10")));
}

TEST_F(BlobFilesTest, IsDeletedWithTheRightHintAWrongOneAndNoneAndAgain) {
  for (const std::optional<oci::Digest>& hint :
       {std::optional(DigestOf("foo")), std::optional(DigestOf("bar")),
        std::optional<oci::Digest>()}) {
    const Incarnation incarnation = Store("foo");
    EXPECT_TRUE(blobs_->Delete(incarnation, hint).ok());
    EXPECT_TRUE(absl::IsNotFound(blobs_->Find(incarnation, std::nullopt).status()));
    EXPECT_TRUE(blobs_->Delete(incarnation, hint).ok());
  }
}

TEST_F(BlobFilesTest, DeletingOneIncarnationLeavesAnotherOfTheSameBytes) {
  const Incarnation a = Store("foo");
  const Incarnation b = Store("foo");
  EXPECT_TRUE(blobs_->Delete(a, DigestOf("foo")).ok());
  EXPECT_EQ(Content(b, DigestOf("foo")), "foo");
}

TEST_F(BlobFilesTest, AnOpenFileIsReadableAfterItWasDeleted) {
  const Incarnation incarnation = Store("foo");
  absl::StatusOr<BlobFile> blob = blobs_->Find(incarnation, std::nullopt);
  ASSERT_TRUE(blob.ok());
  EXPECT_TRUE(blobs_->Delete(incarnation, std::nullopt).ok());
  char buffer[3];
  EXPECT_TRUE(blob->Read(0, buffer, 3).ok());
  EXPECT_EQ(absl::string_view(buffer, 3), "foo");
}

TEST_F(BlobFilesTest, OfAStoreThatCannotBeReadNothingIsSaidToBeMissing) {
  const Incarnation incarnation = Store("foo");
  const std::string root = temp_.path();
  const auto expect_unavailable = [&] {
    for (const std::optional<oci::Digest>& hint :
         {std::optional(DigestOf("bar")), std::optional<oci::Digest>()}) {
      const Incarnation other = NewIncarnation();
      EXPECT_TRUE(absl::IsUnavailable(blobs_->Find(other, hint).status()));
      EXPECT_TRUE(absl::IsUnavailable(uploads_->Stat(other, hint).status()));
      // Neither is it deleted: it may be there when the store is back.
      EXPECT_TRUE(absl::IsUnavailable(blobs_->Delete(other, hint)));
    }
    EXPECT_TRUE(absl::IsUnavailable(blobs_->Open(NewIncarnation(), DigestOf("foo")).status()));
  };
  std::filesystem::rename(root + "/node-id", root + "/node-id.away");
  expect_unavailable();
  WriteFile(root + "/node-id", base::NewUuid7() + "\n");
  expect_unavailable();
  WriteFile(root + "/node-id", "");
  expect_unavailable();
  std::filesystem::rename(root + "/node-id.away", root + "/node-id");
  EXPECT_TRUE(absl::IsNotFound(blobs_->Find(NewIncarnation(), std::nullopt).status()));
  std::filesystem::rename(root + "/blobs", root + "/blobs.away");
  expect_unavailable();
  EXPECT_TRUE(absl::IsUnavailable(blobs_->Find(incarnation, DigestOf("foo")).status()));
  std::filesystem::rename(root + "/blobs.away", root + "/blobs");
  EXPECT_EQ(Content(incarnation, DigestOf("foo")), "foo");
}

TEST_F(BlobFilesTest, ASymbolicLinkIsNotFollowed) {
  const Incarnation incarnation = NewIncarnation();
  std::filesystem::create_symlink("/etc/passwd",
                                  temp_.path() + "/" + incarnation.FinishedPath(DigestOf("foo")));
  EXPECT_FALSE(blobs_->Find(incarnation, std::nullopt).ok());
}

}  // namespace
}  // namespace registry::dataplane
