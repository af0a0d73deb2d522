// What holds on both engines.
#include "controlplane/sql/database.h"

#include <atomic>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "controlplane/access/signing_key.h"
#include "tests/unit/controlplane/sql/test_database.h"

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
  EXPECT_THAT(std::string(status.message()), testing::ContainsRegex("UNIQUE|unique"));
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
  EXPECT_FALSE(Write(*database, "/* test */ DELETE FROM nodes; DELETE FROM tags").ok());
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

TEST_F(DatabaseTest, ANewerSchemaIsRefused) {
  const auto latest = static_cast<int64_t>(test_database_.NewEngine()->migrations().size());
  auto database = Open();
  ASSERT_TRUE(Write(*database,
                    "INSERT INTO schema_migrations (version, applied_at_ms) VALUES (?1, 0)",
                    {latest + 1})
                  .ok());
  database.reset();
  const absl::Status status = Database::Open(test_database_.NewEngine()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr(absl::StrCat(latest + 1)));
  EXPECT_THAT(status.message(), HasSubstr("newer"));
}

TEST_F(DatabaseTest, SeveralProcessesMayOpenANewDatabaseAtOnce) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const auto database = Database::Open(test_database_.NewEngine());
      EXPECT_TRUE(database.ok()) << database.status();
    });
  }
  for (std::thread& thread : threads) thread.join();
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
