// Many threads on one upload, as in the service: through the FileExecutor. Most useful
// under the thread sanitizer.
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>
#include <vector>

#include "dataplane/file_executor.h"
#include "files_fixture.h"

namespace registry::dataplane {
namespace {

class UploadFilesRaceTest : public FilesFixture {
 protected:
  // Runs a job of the incarnation and waits for its result.
  template <class Result>
  Result Run(const Incarnation& incarnation, std::function<Result()> job) {
    std::optional<Result> result;
    std::latch done(1);
    while (!executor_
                .Submit(incarnation, FileExecutor::kShort,
                        [&] {
                          result.emplace(job());
                          done.count_down();
                        })
                .ok()) {
      std::this_thread::yield();
    }
    done.wait();
    return *std::move(result);
  }

  // Like a client that lost its connection: asks for the size, then appends until it is cut.
  void ResumeAndWrite(const Incarnation& incarnation, absl::string_view bytes) {
    absl::StatusOr<StoredSize> stored = Run<absl::StatusOr<StoredSize>>(
        incarnation, [&] { return uploads_->Stat(incarnation, std::nullopt); });
    int64_t offset = stored.ok() ? stored->size_bytes : 0;
    absl::StatusOr<std::shared_ptr<UploadWriter>> writer =
        Run<absl::StatusOr<std::shared_ptr<UploadWriter>>>(
            incarnation, [&] { return Begin(incarnation, offset); });
    if (!writer.ok()) {
      EXPECT_EQ(writer.status().code(), absl::StatusCode::kOutOfRange) << writer.status();
      return;
    }
    while (offset < static_cast<int64_t>(bytes.size())) {
      const absl::string_view chunk = bytes.substr(static_cast<size_t>(offset), 1000);
      absl::Status status =
          Run<absl::Status>(incarnation, [&] { return uploads_->Append(**writer, chunk); });
      if (!status.ok()) {
        EXPECT_EQ(status.code(), absl::StatusCode::kAborted) << status;
        return;
      }
      offset += static_cast<int64_t>(chunk.size());
    }
    complete_ = true;
  }

  FileExecutor executor_{{.short_threads = 4, .long_threads = 2, .max_queued = 1000}};
  std::atomic<bool> complete_ = false;
};

TEST_F(UploadFilesRaceTest, WritersThatCutEachOtherNeverMixTheirBytes) {
  const Incarnation incarnation = NewIncarnation();
  const std::string bytes = TestBytes(300'000);
  std::vector<std::thread> clients;
  for (int i = 0; i < 6; ++i) {
    clients.emplace_back([&] {
      for (int attempt = 0; attempt < 20 && !complete_; ++attempt) {
        ResumeAndWrite(incarnation, bytes);
      }
    });
  }
  for (std::thread& client : clients) client.join();
  // The last one standing.
  while (!complete_) ResumeAndWrite(incarnation, bytes);
  const oci::Digest digest = DigestOf(bytes);
  absl::StatusOr<int64_t> size =
      Run<absl::StatusOr<int64_t>>(incarnation, [&] { return Finish(incarnation, digest); });
  ASSERT_TRUE(size.ok()) << size.status();
  EXPECT_EQ(Content(incarnation, digest), bytes);
}

TEST_F(UploadFilesRaceTest, AReaderSeesAllOrNothingWhileAnUploadIsFinished) {
  const std::string bytes = TestBytes(50'000);
  const oci::Digest digest = DigestOf(bytes);
  for (int round = 0; round < 50; ++round) {
    const Incarnation incarnation = NewIncarnation();
    ASSERT_TRUE(Write(incarnation, 0, bytes).ok());
    std::thread reader([&] {
      while (true) {
        absl::StatusOr<BlobFile> blob = blobs_->Find(incarnation, std::nullopt);
        if (blob.ok()) break;
        ASSERT_TRUE(absl::IsNotFound(blob.status())) << blob.status();
      }
      EXPECT_EQ(Content(incarnation, digest), bytes);
    });
    EXPECT_TRUE(Run<absl::StatusOr<int64_t>>(incarnation, [&] {
                  return Finish(incarnation, digest);
                }).ok());
    reader.join();
  }
}

TEST_F(UploadFilesRaceTest, AReaderThatOpenedIsNotDisturbedByDelete) {
  const std::string bytes = TestBytes(50'000);
  const oci::Digest digest = DigestOf(bytes);
  for (int round = 0; round < 50; ++round) {
    const Incarnation incarnation = NewIncarnation();
    ASSERT_TRUE(Write(incarnation, 0, bytes).ok());
    ASSERT_TRUE(Finish(incarnation, digest).ok());
    std::latch opened(1);
    std::thread reader([&] {
      absl::StatusOr<BlobFile> blob = blobs_->Open(incarnation, digest);
      ASSERT_TRUE(blob.ok());
      opened.count_down();
      std::string read(bytes.size(), '\0');
      for (size_t at = 0; at < read.size(); at += 1000) {
        ASSERT_TRUE(blob->Read(static_cast<int64_t>(at), read.data() + at, 1000).ok());
      }
      EXPECT_EQ(read, bytes);
    });
    opened.wait();
    EXPECT_TRUE(
        Run<absl::Status>(incarnation, [&] { return uploads_->Delete(incarnation, digest); }).ok());
    reader.join();
  }
}

TEST_F(UploadFilesRaceTest, WritersMayBeLetGoOfWhileOthersBegin) {
  const Incarnation incarnation = NewIncarnation();
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      for (int round = 0; round < 200; ++round) {
        // Destroys the writer here, on a thread that is not the executor's.
        (void)Run<absl::StatusOr<std::shared_ptr<UploadWriter>>>(
            incarnation, [&] { return Begin(incarnation, 0); });
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(*Write(incarnation, 0, "foo"), 3);
  EXPECT_EQ(*Finish(incarnation, DigestOf("foo")), 3);
}

}  // namespace
}  // namespace registry::dataplane
