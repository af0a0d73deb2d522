// Files that are sent while a disk is slow.
#include "base/http/file_reader.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <fstream>
#include <future>
#include <mutex>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/http/server.h"
#include "base/unique_fd.h"
#include "tests/unit/base/http/client.h"

namespace registry::http {
namespace {

constexpr int64_t kFileBytes = 3 * 1024 * 1024 + 5;

// Reads of cold files wait until the disk spins again.
class SlowDisk {
 public:
  FileReaderOptions Options() {
    return {.threads = 1,
            .in_memory = [this](int, int64_t offset, int64_t) { return !IsCold(offset); },
            .read = [this](int descriptor, char* buffer, size_t size,
                           int64_t offset) { return Read(descriptor, buffer, size, offset); }};
  }

  // From now on nothing before this offset of a file has to be read.
  void SetColdFrom(int64_t offset) {
    std::lock_guard lock(mutex_);
    cold_from_ = offset;
  }
  void WaitForReader() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return reads_ > 0; });
  }
  void Spin() {
    std::lock_guard lock(mutex_);
    spins_ = true;
    changed_.notify_all();
  }
  int reads() {
    std::lock_guard lock(mutex_);
    return reads_;
  }

 private:
  bool IsCold(int64_t offset) {
    std::lock_guard lock(mutex_);
    return offset >= cold_from_;
  }
  ssize_t Read(int descriptor, char* buffer, size_t size, int64_t offset) {
    {
      std::unique_lock lock(mutex_);
      ++reads_;
      changed_.notify_all();
      changed_.wait(lock, [this] { return spins_; });
    }
    return ::pread(descriptor, buffer, size, offset);
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  int64_t cold_from_ = 0;
  int reads_ = 0;
  bool spins_ = false;
};

class FileReaderTest : public testing::Test {
 protected:
  FileReaderTest() {
    for (int64_t i = 0; i < kFileBytes; ++i) content_ += static_cast<char>('a' + i % 23);
    path_ = testing::TempDir() + "/file-reader-XXXXXX";
    file_ = base::UniqueFd(::mkstemp(path_.data()));
    std::ofstream(path_, std::ios::binary) << content_;
  }
  ~FileReaderTest() override { ::unlink(path_.c_str()); }

  void Start() {
    options_.host = "127.0.0.1";
    options_.port = 0;
    options_.connection.files = &files_;
    auto server = Server::Listen(
        loops_, options_, [this](Exchange& exchange) { return Answer(exchange); },
        [](int status, absl::string_view) { return Response{.head = {.status = status}}; });
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  void TearDown() override {
    disk_.Spin();
    if (server_) server_->Drain(std::chrono::seconds(10));
    loops_.Stop();
  }

  Awaitable<void> Answer(Exchange& exchange) {
    if (exchange.request().path == "/block") {
      blocked_.set_value();
      released_.get_future().wait();
    }
    if (exchange.request().path != "/file") {
      Response response;
      response.body = "here";
      co_await exchange.Send(std::move(response));
      co_return;
    }
    ResponseHead head;
    head.content_length = static_cast<uint64_t>(kFileBytes + promised_more_);
    if (!(co_await exchange.SendHead(std::move(head))).ok()) co_return;
    // The file that was sent is closed, however that ended.
    const base::UniqueFd file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    sent_ = co_await exchange.SendFile(file.get(), 0, kFileBytes + promised_more_);
  }

  static std::string Body(const std::string& response) {
    return response.substr(response.find("\r\n\r\n") + 4);
  }
  // A whole request that ends its connection.
  static std::string Get(absl::string_view path) {
    return absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  }

  std::string content_;
  std::string path_;
  base::UniqueFd file_;
  int64_t promised_more_ = 0;
  absl::Status sent_;
  std::promise<void> blocked_;
  std::promise<void> released_;

  SlowDisk disk_;
  FileReader files_{disk_.Options()};
  ServerOptions options_;
  // All connections share one.
  EventLoops loops_{1};
  std::unique_ptr<Server> server_;
};

TEST_F(FileReaderTest, AReadThatHangsDelaysNobodyElse) {
  Start();
  Client waiting(server_->address());
  waiting.Send(Get("/file"));
  disk_.WaitForReader();
  Client other(server_->address());
  other.Send(Get("/"));
  EXPECT_EQ(Body(other.ReadToEnd()), "here");
  disk_.Spin();
  EXPECT_TRUE(Body(waiting.ReadToEnd()) == content_);
}

TEST_F(FileReaderTest, WhatIsInMemoryIsSentWhileTheDiskHangs) {
  disk_.SetColdFrom(kFileBytes);
  Start();
  Client client(server_->address());
  client.Send(Get("/file"));
  EXPECT_TRUE(Body(client.ReadToEnd()) == content_);
  EXPECT_EQ(disk_.reads(), 0);
}

TEST_F(FileReaderTest, AFileThatIsPartlyInMemoryIsReadFromWhereItEnds) {
  disk_.SetColdFrom(1024 * 1024);
  Start();
  Client client(server_->address());
  client.Send(Get("/file"));
  disk_.WaitForReader();
  disk_.Spin();
  EXPECT_TRUE(Body(client.ReadToEnd()) == content_);
  EXPECT_GT(disk_.reads(), 0);
}

TEST_F(FileReaderTest, AFileThatIsShorterThanPromisedEndsTheConnection) {
  promised_more_ = 1;
  disk_.Spin();
  Start();
  Client client(server_->address());
  client.Send(Get("/file"));
  EXPECT_LT(Body(client.ReadToEnd()).size(), content_.size() + 1);
  ASSERT_EQ(server_->Drain(std::chrono::seconds(10)), 0u);
  server_.reset();
  EXPECT_EQ(sent_.code(), absl::StatusCode::kDataLoss) << sent_;
}

TEST_F(FileReaderTest, TheEndDoesNotWaitForAReadThatHangs) {
  Start();
  Client client(server_->address());
  client.Send(Get("/file"));
  disk_.WaitForReader();
  EXPECT_EQ(server_->Drain(std::chrono::milliseconds(1)), 1u);
  server_.reset();
  EXPECT_EQ(sent_.code(), absl::StatusCode::kCancelled) << sent_;
}

TEST_F(FileReaderTest, ABusyConnectionDoesNotHoldUpTheFirstLoop) {
  Start();
  Client client(server_->address());
  client.Send(Get("/block"));
  blocked_.get_future().wait();
  std::promise<void> ran;
  boost::asio::post(loops_.loop(0), [&] { ran.set_value(); });
  ran.get_future().wait();
  released_.set_value();
  EXPECT_EQ(Body(client.ReadToEnd()), "here");
}

TEST_F(FileReaderTest, TheKernelSaysWhatIsInMemory) {
  const FileReader files;
  EXPECT_TRUE(files.InMemory(file_.get(), 0, kFileBytes));
  EXPECT_TRUE(files.InMemory(file_.get(), kFileBytes, 0));
  ASSERT_EQ(::fsync(file_.get()), 0);
  ASSERT_EQ(::posix_fadvise(file_.get(), 0, 0, POSIX_FADV_DONTNEED), 0);
  if (files.InMemory(file_.get(), 0, kFileBytes)) {
    GTEST_SKIP() << "this file system keeps its files in memory";
  }
  // Asking makes the kernel read ahead, but only so far.
  std::vector<char> buffer(kFileBytes);
  ASSERT_EQ(::pread(file_.get(), buffer.data(), buffer.size(), 0), kFileBytes);
  EXPECT_TRUE(files.InMemory(file_.get(), 0, kFileBytes));
}

}  // namespace
}  // namespace registry::http
