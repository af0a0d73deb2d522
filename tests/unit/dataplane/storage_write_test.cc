// Write: what streams may do, and which of several wins; in process and over TCP, because the
// transports differ in how a call ends that the client has not ended.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "dataplane/write_session.h"
#include "node_fixture.h"
#include "oci/error.h"

namespace registry::dataplane {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class StorageWriteTest : public NodeFixture, public ::testing::WithParamInterface<const char*> {
 protected:
  StorageWriteTest() : NodeFixture(GetParam()) {}
};

INSTANTIATE_TEST_SUITE_P(Transport, StorageWriteTest, ::testing::Values("", "127.0.0.1:0"),
                         [](const auto& info) {
                           return absl::string_view(info.param).empty() ? "InProcess" : "Tcp";
                         });

TEST_P(StorageWriteTest, AnOlderIdleStreamIsCutByANewerOne) {
  const std::string incarnation = base::NewUuid7();
  WriteCall older(*stub_);
  ASSERT_TRUE(older.Header(incarnation, 0));
  ASSERT_TRUE(older.Chunk("foo"));
  WaitForSize(incarnation, 3);

  EXPECT_EQ(*Write(incarnation, 3, "bar"), 6);
  // The older client neither sends nor ends its stream.
  EXPECT_EQ(older.Status(), absl::AbortedError("a newer request continues this upload"));
  EXPECT_EQ(*Finish(incarnation, DigestOf("foobar").ToString()), 6);
}

TEST_P(StorageWriteTest, AnOlderBusyStreamIsCutAndItsBytesUpToThereAreKept) {
  const std::string bytes = TestBytes(64 * 1024 * 100);
  const std::string incarnation = base::NewUuid7();
  WriteCall older(*stub_);
  ASSERT_TRUE(older.Header(incarnation, 0));
  std::thread sender([&] {
    for (size_t at = 0; at < bytes.size(); at += 64 * 1024) {
      if (!older.Chunk(absl::string_view(bytes).substr(at, 64 * 1024))) return;
    }
  });
  // Like a client: ask, try, and ask again after a 416.
  absl::StatusOr<int64_t> size = absl::UnknownError("not tried");
  while (!size.ok()) {
    absl::StatusOr<v1::StatResponse> stored = Stat(incarnation);
    if (!stored.ok()) continue;
    size = Write(incarnation, stored->size_bytes(),
                 absl::string_view(bytes).substr(static_cast<size_t>(stored->size_bytes())));
  }
  sender.join();
  EXPECT_EQ(*size, static_cast<int64_t>(bytes.size()));
  EXPECT_EQ(*Finish(incarnation, DigestOf(bytes).ToString()), *size);
}

TEST_P(StorageWriteTest, ManyStreamsAtOnceNeverMixTheirBytes) {
  const std::string bytes = TestBytes(500'000);
  const std::string incarnation = base::NewUuid7();
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      for (int attempt = 0; attempt < 10; ++attempt) {
        absl::StatusOr<v1::StatResponse> stored = Stat(incarnation);
        const int64_t offset = stored.ok() ? stored->size_bytes() : 0;
        absl::Status status =
            Write(incarnation, offset, absl::string_view(bytes).substr(static_cast<size_t>(offset)))
                .status();
        EXPECT_TRUE(status.ok() || absl::IsAborted(status) || absl::IsOutOfRange(status)) << status;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  const int64_t offset = Stat(incarnation)->size_bytes();
  ASSERT_TRUE(
      Write(incarnation, offset, absl::string_view(bytes).substr(static_cast<size_t>(offset)))
          .ok());
  EXPECT_EQ(*Finish(incarnation, DigestOf(bytes).ToString()), 500'000);
}

TEST_P(StorageWriteTest, FinishAndDeleteEndAnIdleStream) {
  const std::string a = base::NewUuid7();
  WriteCall finished(*stub_);
  ASSERT_TRUE(finished.Header(a, 0));
  ASSERT_TRUE(finished.Chunk("foo"));
  WaitForSize(a, 3);
  EXPECT_EQ(*Finish(a, DigestOf("foo").ToString()), 3);
  EXPECT_EQ(finished.Status().code(), absl::StatusCode::kAborted);

  const std::string b = base::NewUuid7();
  WriteCall deleted(*stub_);
  ASSERT_TRUE(deleted.Header(b, 0));
  ASSERT_TRUE(deleted.Chunk("foo"));
  WaitForSize(b, 3);
  EXPECT_TRUE(Delete(b).ok());
  EXPECT_EQ(deleted.Status(), absl::AbortedError("the upload was deleted"));
  EXPECT_TRUE(absl::IsNotFound(Stat(b).status()));
}

TEST_P(StorageWriteTest, WhatArrivedBeforeTheClientWentAwayIsKept) {
  const std::string incarnation = base::NewUuid7();
  {
    WriteCall call(*stub_);
    ASSERT_TRUE(call.Header(incarnation, 0));
    ASSERT_TRUE(call.Chunk("foo"));
    WaitForSize(incarnation, 3);
    call.Cancel();
  }
  EXPECT_EQ(Stat(incarnation)->size_bytes(), 3);
  EXPECT_EQ(*Write(incarnation, 3, "bar"), 6);
  EXPECT_EQ(*Finish(incarnation, DigestOf("foobar").ToString()), 6);
}

TEST_P(StorageWriteTest, TheServerShutsDownWhileStreamsAreIdle) {
  const std::string incarnation = base::NewUuid7();
  WriteCall idle(*stub_);
  ASSERT_TRUE(idle.Header(incarnation, 0));
  ASSERT_TRUE(idle.Chunk("foo"));
  WaitForSize(incarnation, 3);
  Stop();
  EXPECT_FALSE(idle.Status().ok());
  Start();
  EXPECT_EQ(Stat(incarnation)->size_bytes(), 3);
}

TEST_P(StorageWriteTest, AWrongOffsetIsOutOfRangeAndNamesBothNumbers) {
  const std::string incarnation = base::NewUuid7();
  ASSERT_TRUE(Write(incarnation, 0, "foo").ok());
  absl::Status status = Write(incarnation, 7, "x").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(oci::CodeOf(status), oci::ErrorCode::kBlobUploadInvalid);
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("3"), HasSubstr("7")));
  EXPECT_EQ(Stat(incarnation)->size_bytes(), 3);
}

TEST_P(StorageWriteTest, AFinishedUploadTakesNoBytes) {
  const std::string incarnation = Store("foo");
  EXPECT_EQ(Write(incarnation, 3, "x").status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_P(StorageWriteTest, MessagesThatBreakTheContractAreRefused) {
  const std::string incarnation = base::NewUuid7();
  {
    WriteCall nothing(*stub_);
    EXPECT_EQ(nothing.End().status().code(), absl::StatusCode::kInvalidArgument);
  }
  {
    WriteCall no_header(*stub_);
    no_header.Chunk("foo");
    EXPECT_EQ(no_header.Status().code(), absl::StatusCode::kInvalidArgument);
  }
  {
    WriteCall two_headers(*stub_);
    two_headers.Header(incarnation, 0);
    two_headers.Header(incarnation, 0);
    EXPECT_EQ(two_headers.Status().code(), absl::StatusCode::kInvalidArgument);
  }
  {
    WriteCall bad_algorithm(*stub_);
    bad_algorithm.Header(incarnation, 0, "md5");
    EXPECT_EQ(oci::CodeOf(bad_algorithm.Status()), oci::ErrorCode::kDigestInvalid);
  }
  {
    WriteCall big_chunk(*stub_);
    big_chunk.Header(incarnation, 0);
    big_chunk.Chunk(std::string(1024 * 1024, 'x'));
    big_chunk.Chunk(std::string(1024 * 1024 + 1, 'x'));
    absl::Status status = big_chunk.Status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("1048577"), HasSubstr("1048576")));
  }
  EXPECT_EQ(Stat(incarnation)->size_bytes(), 1024 * 1024);
}

}  // namespace
}  // namespace registry::dataplane
