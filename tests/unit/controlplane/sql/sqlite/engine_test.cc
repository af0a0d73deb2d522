// Locks, full disks and failed flushes.
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/unit/controlplane/sql/sqlite/fixture.h"

namespace {

// Flushing a file whose path ends with this fails; nullptr: no file.
std::atomic<const char*> broken_files = nullptr;
std::atomic<int> flushes = 0;

}  // namespace

// SQLite calls these instead of the C library's.
extern "C" int fdatasync(int fd) {
  ++flushes;
  if (const char* end = broken_files) {
    char path[4096] = "";
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    if (readlink(link.c_str(), path, sizeof path - 1) > 0 && absl::EndsWith(path, end)) {
      errno = EIO;
      return -1;
    }
  }
  return static_cast<int>(syscall(SYS_fdatasync, fd));
}
extern "C" int fsync(int fd) { return fdatasync(fd); }

namespace registry::controlplane {
namespace {

using testing::HasSubstr;

TEST_F(SqliteTest, ATransactionThatMeetsALockIsTriedAgain) {
  std::unique_ptr<OtherProcess> other;
  int waits = 0;
  options_.busy_timeout = std::chrono::milliseconds(1);
  database_options_.sleep = [&](std::chrono::milliseconds delay) {
    EXPECT_GT(delay.count(), 0);
    if (++waits == 2) other->Run("COMMIT");
  };
  auto database = Open();
  other = std::make_unique<OtherProcess>(options_.path);
  other->Run("BEGIN IMMEDIATE");
  EXPECT_TRUE(Write(*database, kInsert, {"a", 1}).ok());
  EXPECT_EQ(waits, 2);
}

TEST_F(SqliteTest, ALockThatStaysIsUnavailableAfterSeveralAttempts) {
  int waits = 0;
  options_.busy_timeout = std::chrono::milliseconds(1);
  database_options_.sleep = [&](std::chrono::milliseconds) { ++waits; };
  auto database = Open();
  OtherProcess other(options_.path);
  other.Run("BEGIN IMMEDIATE");
  const absl::Status status = Write(*database, kInsert, {"a", 1});
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(status.message(), HasSubstr(options_.path));
  EXPECT_EQ(waits, base::kSqlAttempts - 1);
  EXPECT_THAT(status.message(), HasSubstr("another process holds a lock on it"));
  // Reading goes on meanwhile.
  EXPECT_EQ(*Count(*database), 0);
}

// Runs bodies as one group: they wait for a transaction that is held.
class SqliteGroupTest : public SqliteTest {
 protected:
  void RunTogether(Database& database, TransactionMode mode,
                   const std::vector<std::pair<absl::string_view, std::vector<Value>>>& inserts) {
    std::atomic<bool> held = true;
    std::atomic<bool> begun = false;
    std::thread first([&] {
      EXPECT_TRUE(RunTransaction(database, TransactionMode::kUnflushedWrite, [&](Transaction&) {
                    begun = true;
                    while (held) std::this_thread::yield();
                    return absl::OkStatus();
                  }).ok());
    });
    while (!begun) std::this_thread::yield();
    std::vector<std::thread> threads;
    results_.assign(inserts.size(), absl::OkStatus());
    for (size_t i = 0; i < inserts.size(); ++i) {
      threads.emplace_back([&, i] {
        results_[i] = RunTransaction(database, mode, [&](Transaction& t) {
          t.Execute(inserts[i].first, inserts[i].second);
          return absl::OkStatus();
        });
      });
    }
    // Until all of them wait.
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    flushes_before_ = flushes;
    held = false;
    first.join();
    for (std::thread& thread : threads) thread.join();
  }

  // Of the group.
  std::vector<absl::Status> results_;
  int flushes_before_ = 0;
};

TEST_F(SqliteGroupTest, TransactionsThatWaitShareOneFlush) {
  auto database = Open();
  ASSERT_TRUE(Write(*database, kInsert, {"first", 1}).ok());
  RunTogether(*database, TransactionMode::kWrite,
              {{kInsert, {"a", 1}}, {kInsert, {"b", 1}}, {kInsert, {"c", 1}}, {kInsert, {"d", 1}}});
  EXPECT_THAT(results_, testing::Each(absl::OkStatus()));
  EXPECT_EQ(flushes - flushes_before_, 1);
  EXPECT_EQ(*Count(*database), 5);
}

TEST_F(SqliteGroupTest, NothingIsFlushedForWhatMayBeLostWithThePower) {
  auto database = Open();
  ASSERT_TRUE(Write(*database, kInsert, {"first", 1}).ok());
  RunTogether(*database, TransactionMode::kUnflushedWrite,
              {{kInsert, {"a", 1}}, {kInsert, {"b", 1}}});
  EXPECT_EQ(flushes - flushes_before_, 0);
  // The next one that is durable makes these durable too.
  ASSERT_TRUE(Write(*database, kInsert, {"c", 1}).ok());
  EXPECT_EQ(flushes - flushes_before_, 1);
  EXPECT_EQ(*Count(*database), 4);
}

TEST_F(SqliteGroupTest, WhenAGroupFailsEachOfItRunsAlone) {
  options_.max_pages = 60;
  auto database = Open();
  const std::string content(1'000'000, 'x');
  RunTogether(*database, TransactionMode::kWrite,
              {{kInsert, {"a", 1}},
               {"INSERT INTO manifest_bytes (digest, content) VALUES (?1, ?2)",
                {"d", Value::Bytes{content}}},
               {kInsert, {"b", 1}}});
  EXPECT_TRUE(results_[0].ok()) << results_[0];
  EXPECT_EQ(results_[1].code(), absl::StatusCode::kResourceExhausted) << results_[1];
  EXPECT_TRUE(results_[2].ok()) << results_[2];
  EXPECT_EQ(*Count(*database), 2);
}

TEST_F(SqliteGroupTest, WhenTheFlushFailsNobodyInTheGroupIsToldOtherwise) {
  auto database = Open();
  ASSERT_TRUE(Write(*database, kInsert, {"first", 1}).ok());
  broken_files = "-wal";
  RunTogether(*database, TransactionMode::kWrite, {{kInsert, {"a", 1}}, {kInsert, {"b", 1}}});
  broken_files = nullptr;
  for (const absl::Status& status : results_) {
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  }
  EXPECT_EQ(*Count(*database), 1);
}

TEST_F(SqliteTest, AFullDiskIsResourceExhaustedAndNothingStoredIsLost) {
  options_.max_pages = 60;
  auto database = Open();
  ASSERT_TRUE(Write(*database, kInsert, {"kept", 1}).ok());
  const std::string content(1'000'000, 'x');
  constexpr absl::string_view kSql = "INSERT INTO manifest_bytes (digest, content) VALUES (?1, ?2)";
  const absl::Status status = Write(*database, kSql, {"d", Value::Bytes{content}});
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(status.message(), HasSubstr(options_.path));
  EXPECT_EQ(*Count(*database), 1);
  EXPECT_TRUE(Write(*database, kSql, {"d", Value::Bytes{"small"}}).ok());
}

TEST_F(SqliteTest, AfterAFailedFlushNothingIsWrittenUntilItIsOpenedAgain) {
  auto database = Open();
  ASSERT_TRUE(Write(*database, kInsert, {"kept", 1}).ok());
  broken_files = "";
  EXPECT_EQ(Write(*database, kInsert, {"unsure", 1}).code(), absl::StatusCode::kUnavailable);
  broken_files = nullptr;
  const absl::Status status = Write(*database, kInsert, {"refused", 1});
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(status.message(), HasSubstr("restart the registry"));
  EXPECT_EQ(*Count(*database), 1);
  database.reset();
  database = Open();
  EXPECT_TRUE(Write(*database, kInsert, {"refused", 1}).ok());
}

TEST_F(SqliteTest, AFailedFlushOfTheFileEndsAllWritingAndLosesNothing) {
  int64_t written = 0;
  {
    auto database = Open();
    int failures = 0;
    database->OnFailure([&] { ++failures; });
    broken_files = "/metadata.db";
    // Each takes at least a page of the log, which is checkpointed after 1,000 pages.
    const std::string padding(3000, 'x');
    absl::Status status;
    while (written < 5000 && status.ok()) {
      status = Write(*database, kInsert, {absl::StrCat("node-", written, "-", padding), 1});
      if (status.ok()) ++written;
    }
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
    EXPECT_EQ(failures, 1);
    // The disk reports success again, although the data is lost.
    broken_files = nullptr;
    EXPECT_FALSE(Write(*database, kInsert, {"another", 1}).ok());
    EXPECT_EQ(*Count(*database), written);
    database->OnFailure([&] { ++failures; });
    EXPECT_EQ(failures, 2);
  }
  EXPECT_EQ(*Count(*Open()), written);
}

}  // namespace
}  // namespace registry::controlplane
