#include "dataplane/data_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/hash.h"
#include "dataplane/incarnation.h"
#include "temp_folder.h"

namespace registry::dataplane {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

absl::StatusOr<std::unique_ptr<DataFolder>> Open(const std::string& root) {
  DataFolderOptions options;
  options.root = root;
  return DataFolder::Open(options);
}

TEST(DataFolderTest, MakesTheLayoutOnceAndKeepsTheNodeId) {
  TempFolder temp;
  const std::string root = temp.path() + "/store";
  absl::StatusOr<std::unique_ptr<DataFolder>> first = Open(root);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_TRUE(base::IsUuid((*first)->node_id()));
  EXPECT_EQ((*first)->root(), std::filesystem::canonical(root));
  EXPECT_TRUE(std::filesystem::is_directory(root + "/uploads"));
  for (int i = 0; i < kBlobFolders; ++i) {
    EXPECT_TRUE(std::filesystem::is_directory(root + "/" + BlobFolder(i)));
  }
  absl::StatusOr<std::unique_ptr<DataFolder>> second = Open(root);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ((*second)->node_id(), (*first)->node_id());
}

TEST(DataFolderTest, FilesThatDoNotBelongThereAreIgnored) {
  TempFolder temp;
  ASSERT_TRUE(Open(temp.path()).ok());
  WriteFile(temp.path() + "/uploads/README", "x");
  WriteFile(temp.path() + "/blobs/00/core", "x");
  std::filesystem::create_directory(temp.path() + "/lost+found");
  EXPECT_TRUE(Open(temp.path()).ok());
}

TEST(DataFolderTest, ADamagedNodeIdIsAnErrorThatShowsIt) {
  TempFolder temp;
  ASSERT_TRUE(Open(temp.path()).ok());
  for (const char* damaged : {"", "018f4e2a-7b1c", "not a uuid\n"}) {
    WriteFile(temp.path() + "/node-id", damaged);
    absl::Status status = Open(temp.path()).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("/node-id"), HasSubstr("damaged")));
  }
}

TEST(DataFolderTest, WhatIsNotAFolderIsAnErrorThatNamesIt) {
  TempFolder temp;
  WriteFile(temp.path() + "/file", "x");
  absl::Status status = Open(temp.path() + "/file").status();
  EXPECT_THAT(std::string(status.message()), HasSubstr(temp.path() + "/file is not a folder"));

  ASSERT_TRUE(Open(temp.path() + "/store").ok());
  std::filesystem::remove(temp.path() + "/store/blobs/7f");
  WriteFile(temp.path() + "/store/blobs/7f", "x");
  status = Open(temp.path() + "/store").status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("/blobs/7f is not a folder"));
}

TEST(DataFolderTest, AMissingParentIsAnErrorThatNamesThePath) {
  TempFolder temp;
  absl::Status status = Open(temp.path() + "/a/b").status();
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("cannot create the folder"), HasSubstr("/a/b")));
}

TEST(DataFolderTest, AReadOnlyFolderIsAnErrorThatNamesIt) {
  TempFolder temp;
  ASSERT_TRUE(Open(temp.path()).ok());
  // Permissions do not stop root; a read-only mount does.
  const char* path = temp.path().c_str();
  if (::geteuid() != 0) {
    std::filesystem::permissions(
        path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  } else if (::mount(path, path, nullptr, MS_BIND, nullptr) != 0) {
    GTEST_SKIP() << "mounting is not allowed here";
  } else if (::mount(path, path, nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) != 0) {
    ::umount2(path, MNT_DETACH);
    GTEST_SKIP() << "read-only mounts are not allowed here";
  }
  absl::Status status = Open(temp.path()).status();
  if (::geteuid() != 0) {
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  } else {
    ::umount2(path, MNT_DETACH);
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("cannot write to the folder"), HasSubstr(temp.path())));
}

TEST(DataFolderTest, AFailedFlushEndsWritingForGood) {
  TempFolder temp;
  bool fail = false;
  DataFolderOptions options;
  options.root = temp.path();
  options.flush_file = [&](int) {
    errno = EIO;
    return fail ? -1 : 0;
  };
  std::unique_ptr<DataFolder> folder = *DataFolder::Open(options);
  EXPECT_TRUE(folder->CheckWritable().ok());
  fail = true;
  absl::Status status = folder->FlushFile(0, "uploads/x");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("uploads/x"), HasSubstr("Input/output error")));
  fail = false;
  EXPECT_EQ(folder->CheckWritable(), status);
}

}  // namespace
}  // namespace registry::dataplane
