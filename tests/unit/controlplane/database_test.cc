#include "controlplane/sql/database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "controlplane/signing_key.h"
#include "controlplane/sql/migrations.h"

namespace {

std::atomic<bool> disk_is_broken = false;

}  // namespace

// SQLite calls these instead of the C library's.
extern "C" int fdatasync(int fd) {
  if (disk_is_broken) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(syscall(SYS_fdatasync, fd));
}
extern "C" int fsync(int fd) { return fdatasync(fd); }

namespace registry::controlplane {
namespace {

using testing::HasSubstr;

class DatabaseTest : public testing::Test {
 protected:
  DatabaseTest() {
    std::string pattern = testing::TempDir() + "/database-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    options_.path = folder_ + "/metadata.db";
  }
  ~DatabaseTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Database> Open() {
    absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(options_);
    EXPECT_TRUE(database.ok()) << database.status();
    return *std::move(database);
  }

  static absl::Status Write(Database& database, absl::string_view sql,
                            std::initializer_list<Value> values = {}) {
    return RunTransaction(database, TransactionMode::kWrite, [&](Transaction& t) {
      t.Execute(sql, values);
      return absl::OkStatus();
    });
  }

  static absl::StatusOr<int64_t> Count(Database& database) {
    return RunTransaction(database, TransactionMode::kRead,
                          [](Transaction& t) -> absl::StatusOr<int64_t> {
                            return t
                                .QueryFirst("SELECT count(*) FROM nodes", {},
                                            [](const Row& row) { return row.Int(0); })
                                .value_or(-1);
                          });
  }

  std::string folder_;
  DatabaseOptions options_;
};

constexpr absl::string_view kInsert = "INSERT INTO nodes (id, added_at_ms) VALUES (?1, ?2)";

// A connection of another process, as it were.
class OtherProcess {
 public:
  explicit OtherProcess(const std::string& path) { sqlite3_open(path.c_str(), &db_); }
  ~OtherProcess() { sqlite3_close(db_); }
  void Run(const char* sql) {
    ASSERT_EQ(sqlite3_exec(db_, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db_);
  }

 private:
  sqlite3* db_ = nullptr;
};

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

TEST_F(DatabaseTest, AReadTransactionSeesOneStateThroughout) {
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
  disk_is_broken = true;
  EXPECT_EQ(Write(*database, kInsert, {"unsure", 1}).code(), absl::StatusCode::kUnavailable);
  disk_is_broken = false;
  const absl::Status status = Write(*database, kInsert, {"refused", 1});
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(status.message(), HasSubstr("start the registry again"));
  EXPECT_EQ(*Count(*database), 1);
  database.reset();
  database = Open();
  EXPECT_TRUE(Write(*database, kInsert, {"refused", 1}).ok());
}

TEST_F(DatabaseTest, AFileThatIsNoDatabaseIsNamedAndLeftAlone) {
  const std::string content =
      "This is not a database, but long enough to have a header. " + std::string(4096, 'x');
  std::ofstream(options_.path) << content;
  const absl::Status status = Database::Open(options_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr(options_.path));
  EXPECT_THAT(status.message(), HasSubstr("restore it from a backup"));
  std::ifstream file(options_.path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), content);
}

TEST_F(DatabaseTest, ADatabaseOfAnotherProgramIsRefused) {
  OtherProcess(options_.path).Run("CREATE TABLE recipes (name TEXT)");
  const absl::Status status = Database::Open(options_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("belongs to another program"));
}

TEST_F(DatabaseTest, ADamagedFileIsFoundWhenItIsOpened) {
  {
    auto database = Open();
    for (int i = 0; i < 500; ++i) {
      ASSERT_TRUE(Write(*database, kInsert, {absl::StrCat("node-with-a-long-name-", i), 1}).ok());
    }
  }
  {
    std::fstream file(options_.path, std::ios::in | std::ios::out | std::ios::binary);
    const auto size = static_cast<std::streamoff>(std::filesystem::file_size(options_.path));
    for (std::streamoff page = 4096; page < size; page += 4096) {
      file.seekp(page);
      file << std::string(200, '\x5a');
    }
  }
  const absl::Status status = Database::Open(options_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(status.message(), HasSubstr(options_.path));
  EXPECT_THAT(status.message(), HasSubstr("backup"));
}

TEST_F(DatabaseTest, DamageInALargeFileFailsTheStatementThatMeetsIt) {
  options_.quick_check_max_bytes = 0;
  {
    auto database = Open();
    const std::string content(200'000, 'x');
    ASSERT_TRUE(Write(*database, "INSERT INTO manifest_bytes (digest, content) VALUES (?1, ?2)",
                      {"d", Value::Bytes{content}})
                    .ok());
  }
  std::filesystem::resize_file(options_.path, std::filesystem::file_size(options_.path) - 100'000);
  const absl::Status status = Database::Open(options_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
}

TEST_F(DatabaseTest, ANewerSchemaIsRefused) {
  auto database = Open();
  ASSERT_TRUE(Write(*database,
                    "INSERT INTO schema_migrations (version, applied_at_ms) VALUES (?1, 0)",
                    {LatestSchemaVersion() + 1})
                  .ok());
  database.reset();
  const absl::Status status = Database::Open(options_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr(absl::StrCat(LatestSchemaVersion() + 1)));
  EXPECT_THAT(status.message(), HasSubstr("newer"));
}

TEST_F(DatabaseTest, SeveralProcessesMayOpenANewDatabaseAtOnce) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const auto database = Database::Open(options_);
      EXPECT_TRUE(database.ok()) << database.status();
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(DatabaseTest, AFolderThatIsMissingIsNamed) {
  options_.path = folder_ + "/missing/metadata.db";
  const absl::Status status = Database::Open(options_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(status.message(), HasSubstr(options_.path));
}

TEST_F(DatabaseTest, OnlyItsUserMayReadTheFile) {
  Open();
  struct stat info;
  ASSERT_EQ(stat(options_.path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(DatabaseTest, TheSigningKeyIsMadeOnceAndKept) {
  auto database = Open();
  const absl::StatusOr<std::string> key = TokenSigningKey(*database);
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(key->size(), 32u);
  EXPECT_EQ(*TokenSigningKey(*database), *key);
  database.reset();
  EXPECT_EQ(*TokenSigningKey(*Open()), *key);
}

}  // namespace
}  // namespace registry::controlplane
