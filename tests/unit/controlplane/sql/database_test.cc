#include "controlplane/sql/database.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/unit/controlplane/sql/database_fixture.h"

namespace {

// Flushing a file whose path ends with this fails; nullptr: no file.
std::atomic<const char*> broken_files = nullptr;

}  // namespace

// SQLite calls these instead of the C library's.
extern "C" int fdatasync(int fd) {
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

TEST_F(DatabaseTest, WhatWasCommittedIsThereAfterOpeningAgain) {
  auto database = Open();
  ASSERT_TRUE(Write(*database, kInsert, {"a", 1}).ok());
  database.reset();
  EXPECT_EQ(*Count(*Open()), 1);
}

TEST_F(DatabaseTest, AnErrorOfTheBodyRollsBackAndIsReturned) {
  auto database = Open();
  const absl::Status status =
      RunTransaction(*database, TransactionMode::kWrite, [](Transaction& t) {
        t.Execute(kInsert, {"a", 1});
        return absl::NotFoundError("stop");
      });
  EXPECT_EQ(status, absl::NotFoundError("stop"));
  EXPECT_EQ(*Count(*database), 0);
}

TEST_F(DatabaseTest, AFailedStatementFailsTheTransactionWhateverTheBodyReturns) {
  auto database = Open();
  const absl::Status status =
      RunTransaction(*database, TransactionMode::kWrite, [](Transaction& t) {
        t.Execute(kInsert, {"a", 1});
        t.Execute(kInsert, {"a", 1});
        t.Execute(kInsert, {"b", 1});
        return absl::OkStatus();
      });
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(status.message(), HasSubstr("UNIQUE"));
  EXPECT_EQ(*Count(*database), 0);
}

TEST_F(DatabaseTest, AReadTransactionCannotWrite) {
  auto database = Open();
  EXPECT_FALSE(RunTransaction(*database, TransactionMode::kRead, [](Transaction& t) {
                 t.Execute(kInsert, {"a", 1});
                 return absl::OkStatus();
               }).ok());
  EXPECT_EQ(*Count(*database), 0);
}

TEST_F(DatabaseTest, WrongUseOfStatementsIsAnError) {
  auto database = Open();
  EXPECT_FALSE(Write(*database, kInsert, {"a"}).ok());
  EXPECT_FALSE(Write(*database, "DELETE FROM nodes; DELETE FROM tags").ok());
  EXPECT_FALSE(Write(*database, "").ok());
  EXPECT_FALSE(Write(*database, kInsert, {"a", "text in a column of integers"}).ok());
  ASSERT_TRUE(Write(*database, kInsert, {"a", 1}).ok());
  const auto read_wrong_type =
      RunTransaction(*database, TransactionMode::kRead, [](Transaction& t) {
        t.Query("SELECT id FROM nodes", {}, [](const Row& row) { row.Int(0); });
        return absl::OkStatus();
      });
  EXPECT_EQ(read_wrong_type.code(), absl::StatusCode::kInternal);
  const auto run_while_reading =
      RunTransaction(*database, TransactionMode::kRead, [](Transaction& t) {
        constexpr absl::string_view kSql = "SELECT id FROM nodes";
        t.Query(kSql, {}, [&](const Row&) { t.Query(kSql, {}, [](const Row&) {}); });
        return absl::OkStatus();
      });
  EXPECT_EQ(run_while_reading.code(), absl::StatusCode::kInternal);
}

TEST_F(DatabaseTest, TextMustBeUtf8WithoutNul) {
  auto database = Open();
  const std::vector<absl::string_view> bad = {
      absl::string_view("a\0b", 3), "\xff",    "\xc0\xaf", "\xed\xa0\x80",
      "\xf4\x90\x80\x80",           "\xe2\x82"};
  for (const absl::string_view text : bad) {
    EXPECT_EQ(Write(*database, kInsert, {text, 1}).code(), absl::StatusCode::kInvalidArgument);
  }
  for (const absl::string_view text : {"", "ä", "€", "😀", "\xef\xbf\xbf"}) {
    EXPECT_TRUE(Write(*database, kInsert, {text, 1}).ok()) << text;
  }
}

TEST_F(DatabaseTest, MoreStatementsThanAreKeptStillRun) {
  auto database = Open();
  for (size_t i = 0; i < 3 * base::kSqlStatements; ++i) {
    ASSERT_TRUE(Write(*database, absl::StrCat("UPDATE nodes SET added_at_ms = ", i), {}).ok());
  }
}

TEST_F(DatabaseTest, ATransactionThatMeetsALockIsTriedAgain) {
  std::unique_ptr<OtherProcess> other;
  int waits = 0;
  options_.busy_timeout = std::chrono::milliseconds(1);
  options_.sleep = [&](std::chrono::milliseconds delay) {
    EXPECT_GT(delay.count(), 0);
    if (++waits == 2) other->Run("COMMIT");
  };
  auto database = Open();
  other = std::make_unique<OtherProcess>(options_.path);
  other->Run("BEGIN IMMEDIATE");
  EXPECT_TRUE(Write(*database, kInsert, {"a", 1}).ok());
  EXPECT_EQ(waits, 2);
}

TEST_F(DatabaseTest, ALockThatStaysIsUnavailableAfterSeveralAttempts) {
  int waits = 0;
  options_.busy_timeout = std::chrono::milliseconds(1);
  options_.sleep = [&](std::chrono::milliseconds) { ++waits; };
  auto database = Open();
  OtherProcess other(options_.path);
  other.Run("BEGIN IMMEDIATE");
  const absl::Status status = Write(*database, kInsert, {"a", 1});
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(status.message(), HasSubstr(options_.path));
  EXPECT_EQ(waits, base::kSqlAttempts - 1);
  // Reading goes on meanwhile.
  EXPECT_EQ(*Count(*database), 0);
}

TEST_F(DatabaseTest, ReadersSeeWholeTransactionsWhileOneWrites) {
  auto database = Open();
  std::atomic<bool> done = false;
  std::vector<std::thread> readers;
  for (int i = 0; i < 6; ++i) {
    readers.emplace_back([&] {
      while (!done) {
        const absl::StatusOr<int64_t> count = Count(*database);
        ASSERT_TRUE(count.ok()) << count.status();
        EXPECT_EQ(*count % 2, 0);
      }
    });
  }
  std::vector<std::thread> writers;
  for (int i = 0; i < 2; ++i) {
    writers.emplace_back([&, i] {
      for (int j = 0; j < 50; ++j) {
        const absl::Status status =
            RunTransaction(*database, TransactionMode::kWrite, [&](Transaction& t) {
              t.Execute(kInsert, {absl::StrCat(i, "-", j, "-a"), 1});
              t.Execute(kInsert, {absl::StrCat(i, "-", j, "-b"), 1});
              return absl::OkStatus();
            });
        EXPECT_TRUE(status.ok()) << status;
      }
    });
  }
  for (std::thread& thread : writers) thread.join();
  done = true;
  for (std::thread& thread : readers) thread.join();
  EXPECT_EQ(*Count(*database), 200);
}

TEST_F(DatabaseTest, AReadTransactionSeesOneState) {
  auto database = Open();
  const absl::Status status =
      RunTransaction(*database, TransactionMode::kRead, [&](Transaction& t) {
        const auto count = [&] {
          return t.QueryFirst("SELECT count(*) FROM nodes", {},
                              [](const Row& row) { return row.Int(0); });
        };
        EXPECT_EQ(count(), 0);
        EXPECT_TRUE(Write(*database, kInsert, {"a", 1}).ok());
        EXPECT_EQ(count(), 0);
        return absl::OkStatus();
      });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(*Count(*database), 1);
}

TEST_F(DatabaseTest, AFullDiskIsResourceExhaustedAndNothingStoredIsLost) {
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

TEST_F(DatabaseTest, AfterAFailedFlushNothingIsWrittenUntilItIsOpenedAgain) {
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

TEST_F(DatabaseTest, AFailedFlushOfTheFileEndsAllWritingAndLosesNothing) {
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
