// Read: ranges, paths, and readers that go away. In process and over TCP.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>
#include <vector>

#include "dataplane/read_session.h"
#include "node_fixture.h"

namespace registry::dataplane {
namespace {

using ::testing::HasSubstr;

class StorageReadTest : public NodeFixture, public ::testing::WithParamInterface<const char*> {
 protected:
  StorageReadTest() : NodeFixture(GetParam()) {}

  size_t OpenFiles() {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                                             std::filesystem::directory_iterator()));
  }
};

INSTANTIATE_TEST_SUITE_P(Transport, StorageReadTest, ::testing::Values("", "127.0.0.1:0"),
                         [](const auto& info) {
                           return absl::string_view(info.param).empty() ? "InProcess" : "Tcp";
                         });

TEST_P(StorageReadTest, ARangeIsExactlyThat) {
  const std::string bytes = TestBytes(300'000);
  const std::string digest = DigestOf(bytes).ToString();
  const std::string incarnation = Store(bytes);
  for (const auto& [offset, length] : std::initializer_list<std::pair<size_t, size_t>>{
           {0, 300'000}, {0, 1}, {299'999, 1}, {65'535, 2}, {65'536, 65'536}, {1, 299'999}}) {
    absl::StatusOr<std::string> read = Read(ReadRequestOf(
        incarnation, digest, static_cast<int64_t>(offset), static_cast<int64_t>(length)));
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_TRUE(*read == bytes.substr(offset, length)) << offset << "+" << length;
  }
}

TEST_P(StorageReadTest, ARangeThatIsNotInsideIsRefusedForBytesAndPaths) {
  const std::string digest = DigestOf("foo").ToString();
  const std::string incarnation = Store("foo");
  for (const bool accept_path : {false, true}) {
    for (const auto& [offset, length] : std::initializer_list<std::pair<int64_t, int64_t>>{
             {0, 4}, {3, 1}, {-1, 1}, {0, 0}, {1, INT64_MAX}}) {
      v1::ReadRequest request = ReadRequestOf(incarnation, digest, offset, length);
      request.set_accept_path(accept_path);
      absl::Status status = Read(request).status();
      EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange) << offset << "+" << length;
      EXPECT_THAT(std::string(status.message()), HasSubstr("has 3 bytes"));
    }
  }
}

TEST_P(StorageReadTest, AReaderThatAcceptsAPathGetsOneUnderTheRoot) {
  const std::string incarnation = Store("foo");
  v1::ReadRequest request = ReadRequestOf(incarnation, DigestOf("foo").ToString(), 1, 2);
  request.set_accept_path(true);
  absl::StatusOr<std::string> path = Read(request);
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_EQ(ReadFile(root_ + "/" + *path), "foo");
  ASSERT_TRUE(Delete(incarnation).ok());
  EXPECT_TRUE(absl::IsNotFound(Read(request).status()));
}

TEST_P(StorageReadTest, WhatIsNotFinishedIsNotFound) {
  const std::string incarnation = base::NewUuid7();
  ASSERT_TRUE(Write(incarnation, 0, "foo").ok());
  EXPECT_TRUE(absl::IsNotFound(
      Read(ReadRequestOf(incarnation, DigestOf("foo").ToString(), 0, 3)).status()));
  EXPECT_TRUE(absl::IsNotFound(
      Read(ReadRequestOf(base::NewUuid7(), DigestOf("foo").ToString(), 0, 3)).status()));
}

TEST_P(StorageReadTest, AFileOfAnotherSizeIsDataLossAlsoForARangeThatIsInside) {
  const std::string incarnation = Store("foo");
  for (const bool accept_path : {false, true}) {
    v1::ReadRequest request = ReadRequestOf(incarnation, DigestOf("foo").ToString(), 1, 1);
    request.set_accept_path(accept_path);
    request.set_size_bytes(3);
    EXPECT_TRUE(Read(request).ok());
    request.set_size_bytes(4);
    EXPECT_TRUE(absl::IsDataLoss(Read(request).status()));
  }
}

TEST_P(StorageReadTest, AFileThatIsCutOffWhileItIsReadIsDataLoss) {
  const std::string bytes = TestBytes(20'000'000);
  const std::string digest = DigestOf(bytes).ToString();
  const std::string incarnation = Store(bytes);
  v1::ReadRequest request = ReadRequestOf(incarnation, digest, 0, 20'000'000);
  request.set_accept_path(true);
  const std::string path = root_ + "/" + *Read(request);
  request.set_accept_path(false);
  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientReader<v1::ReadResponse>> reader = stub_->Read(&context, request);
  v1::ReadResponse response;
  ASSERT_TRUE(reader->Read(&response));
  std::filesystem::resize_file(path, 19'000'000);
  while (reader->Read(&response)) {
  }
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::DATA_LOSS);
}

TEST_P(StorageReadTest, AReaderIsNotDisturbedByDelete) {
  const std::string bytes = TestBytes(10'000'000);
  const std::string incarnation = Store(bytes);
  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientReader<v1::ReadResponse>> reader =
      stub_->Read(&context, ReadRequestOf(incarnation, DigestOf(bytes).ToString(), 0, 10'000'000));
  v1::ReadResponse response;
  ASSERT_TRUE(reader->Read(&response));
  std::string read = response.chunk();
  EXPECT_TRUE(Delete(incarnation).ok());
  while (reader->Read(&response)) read += response.chunk();
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_TRUE(read == bytes);
}

TEST_P(StorageReadTest, ReadersThatGoAwayLeaveNothingOpen) {
  const std::string bytes = TestBytes(10'000'000);
  const std::string incarnation = Store(bytes);
  const v1::ReadRequest request =
      ReadRequestOf(incarnation, DigestOf(bytes).ToString(), 0, 10'000'000);
  const size_t before = OpenFiles();
  {
    std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
    std::vector<std::unique_ptr<grpc::ClientReader<v1::ReadResponse>>> readers;
    v1::ReadResponse response;
    for (int i = 0; i < 20; ++i) {
      contexts.push_back(std::make_unique<grpc::ClientContext>());
      readers.push_back(stub_->Read(contexts.back().get(), request));
      ASSERT_TRUE(readers.back()->Read(&response));
    }
    EXPECT_GE(OpenFiles(), before + 20);
    for (int i = 0; i < 20; ++i) {
      contexts[i]->TryCancel();
      EXPECT_EQ(readers[i]->Finish().error_code(), grpc::StatusCode::CANCELLED);
    }
  }
  // If this never becomes true, the test's timeout ends it.
  while (OpenFiles() > before) std::this_thread::yield();
}

}  // namespace
}  // namespace registry::dataplane
