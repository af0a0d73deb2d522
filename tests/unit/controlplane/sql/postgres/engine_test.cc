// What only PostgreSQL does: conflicts, lost connections, commits whose outcome is unknown.
#include "controlplane/sql/postgres/engine.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "controlplane/clock.h"
#include "tests/unit/controlplane/sql/test_database.h"

namespace registry::controlplane {
namespace {

using testing::HasSubstr;
using testing::Not;

class PostgresTest : public DatabaseTest {
 protected:
  PostgresTest() { EXPECT_TRUE(TestsRunOnPostgres()); }
};

TEST_F(PostgresTest, TheNameHasNoPassword) {
  const auto engine = PostgresEngine::Create(
      {.url = "postgresql://alice:secret@one.example:5433,two.example:5434/db?sslmode=require"});
  ASSERT_TRUE(engine.ok()) << engine.status();
  EXPECT_EQ((*engine)->name(), "postgresql://alice@one.example:5433,two.example:5434/db");
  const absl::Status wrong = CheckDatabaseUrl("postgresql://alice:secret%zz@host/db");
  EXPECT_TRUE(absl::IsInvalidArgument(wrong)) << wrong;
  EXPECT_THAT(wrong.message(), Not(HasSubstr("secret")));
  EXPECT_FALSE(CheckDatabaseUrl("mysql://alice@host/db").ok());
}

TEST_F(PostgresTest, ADatabaseOfAnotherProgramIsRefused) {
  const auto engine = test_database_.NewEngine();
  {
    auto connection = engine->Connect(/*read_only=*/false);
    ASSERT_TRUE(connection.ok()) << connection.status();
    ASSERT_TRUE((*connection)
                    ->Run("CREATE TABLE recipes (name TEXT)", {}, [](const Row&) { return true; })
                    .ok());
  }
  const absl::Status status = Database::Open(test_database_.NewEngine()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_THAT(status.message(), HasSubstr("belongs to another program"));
}

TEST_F(PostgresTest, AServerThatIsNotThereIsNamed) {
  options_.sleep = [](std::chrono::milliseconds) {};
  auto engine = PostgresEngine::Create({.url = "postgresql://registry@127.0.0.1:1/none"});
  ASSERT_TRUE(engine.ok()) << engine.status();
  const absl::Status status = Database::Open(*std::move(engine), options_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_THAT(status.message(), HasSubstr("postgresql://registry@127.0.0.1:1/none"));
}

TEST_F(PostgresTest, WritersThatConflictAllSucceedOnce) {
  const auto database = Open();
  ASSERT_TRUE(Write(*database, kInsert, {"counter", 0}).ok());
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 20; ++j) {
        const absl::Status status =
            RunTransaction(*database, TransactionMode::kWrite, [](Transaction& t) {
              const int64_t count =
                  t.QueryFirst("SELECT added_at_ms FROM nodes WHERE id = ?1", {"counter"},
                               [](const Row& row) { return row.Int(0); })
                      .value_or(0);
              t.Execute("UPDATE nodes SET added_at_ms = ?2 WHERE id = ?1", {"counter", count + 1});
              return absl::OkStatus();
            });
        EXPECT_TRUE(status.ok()) << status;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto count = RunTransaction(
      *database, TransactionMode::kRead, [](Transaction& t) -> absl::StatusOr<int64_t> {
        return t
            .QueryFirst("SELECT added_at_ms FROM nodes WHERE id = ?1", {"counter"},
                        [](const Row& row) { return row.Int(0); })
            .value_or(0);
      });
  EXPECT_EQ(*count, 120);
}

// Each sees no row of the other, and inserts one: only one may commit as if it had been alone.
TEST_F(PostgresTest, NobodyActsOnWhatAnotherHasChangedMeanwhile) {
  const auto database = Open();
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> inserted = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i) {
      threads.emplace_back([&, i] {
        const absl::StatusOr<bool> first = RunTransaction(
            *database, TransactionMode::kWrite, [&](Transaction& t) -> absl::StatusOr<bool> {
              if (t.Exists("SELECT 1 FROM tags WHERE repository_id = ?1", {round})) return false;
              t.Execute(
                  "INSERT INTO manifest_children (repository_id, manifest, child) "
                  "SELECT ?1, ?2, '' WHERE NOT EXISTS (SELECT 1 FROM manifest_children "
                  "WHERE repository_id = ?1)",
                  {round, absl::StrCat(i)});
              return t.status().ok();
            });
        EXPECT_TRUE(first.ok()) << first.status();
        ++inserted;
      });
    }
    for (std::thread& thread : threads) thread.join();
    const auto rows = RunTransaction(*database, TransactionMode::kRead,
                                     [&](Transaction& t) -> absl::StatusOr<int64_t> {
                                       return t
                                           .QueryFirst(
                                               "/* test */ SELECT count(*) FROM manifest_children "
                                               "WHERE repository_id = ?1",
                                               {round}, [](const Row& row) { return row.Int(0); })
                                           .value_or(0);
                                     });
    EXPECT_EQ(*rows, 1);
  }
}

TEST_F(PostgresTest, AConnectionThatIsLostInATransactionIsReplacedAndTheBodyRunsAgain) {
  const auto database = Open();
  int runs = 0;
  const absl::Status status =
      RunTransaction(*database, TransactionMode::kWrite, [&](Transaction& t) {
        t.Execute(kInsert, {"a", 1});
        if (++runs == 1) t.Exists("/* test */ SELECT pg_terminate_backend(pg_backend_pid())", {});
        return absl::OkStatus();
      });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(*Count(*database), 1);
}

TEST_F(PostgresTest, ConnectionsThatWereLostWhileIdleAreReplaced) {
  const auto database = Open();
  ASSERT_TRUE(Write(*database, kInsert, {"a", 1}).ok());
  {
    // All but its own, and the one of this statement.
    const auto engine = test_database_.NewEngine();
    auto connection = engine->Connect(/*read_only=*/false);
    ASSERT_TRUE(connection.ok()) << connection.status();
    ASSERT_TRUE((*connection)
                    ->Run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                          "WHERE datname = current_database() AND pid <> pg_backend_pid()",
                          {}, [](const Row&) { return true; })
                    .ok());
  }
  EXPECT_EQ(*Count(*database), 1);
  EXPECT_TRUE(Write(*database, kInsert, {"b", 1}).ok());
}

TEST_F(PostgresTest, WhetherACommitHappenedIsSettledForGood) {
  const auto database = Open();
  const auto engine = test_database_.NewEngine();
  auto connection = engine->Connect(/*read_only=*/false);
  ASSERT_TRUE(connection.ok()) << connection.status();
  const auto insert = [&](absl::string_view id) {
    EXPECT_TRUE((*connection)->Begin(TransactionMode::kWrite).ok());
    EXPECT_TRUE((*connection)->Run(kInsert, {id, 1}, [](const Row&) { return true; }).ok());
  };
  insert("committed");
  ASSERT_TRUE((*connection)->Commit().ok());
  EXPECT_TRUE(engine->WasCommitted((*connection)->commit_id()).value());
  // One that did not commit cannot do so later.
  insert("late");
  const std::string id = "01900000-0000-7000-8000-000000000000";
  EXPECT_FALSE(engine->WasCommitted(id).value());
  const absl::Status late = (*connection)
                                ->Run("INSERT INTO commits (id) VALUES (CAST(?1 AS UUID))", {id},
                                      [](const Row&) { return true; })
                                .status();
  EXPECT_FALSE(late.ok());
  (*connection)->Rollback();
  EXPECT_EQ(*Count(*database), 1);
}

TEST_F(PostgresTest, OldCommitsAreForgotten) {
  const auto database = Open();
  ASSERT_TRUE(RunTransaction(*database, TransactionMode::kWrite, [](Transaction& t) {
                t.Execute(
                    "/* test */ INSERT INTO commits (id) "
                    "SELECT CAST('01000000-0000-7000-8000-' || "
                    "lpad(CAST(i AS TEXT), 12, '0') AS UUID) "
                    "FROM generate_series(1, 100) AS s(i)");
                return absl::OkStatus();
              }).ok());
  // Each connection looks after 1,000 commits.
  for (int i = 0; i < 1100; ++i) {
    ASSERT_TRUE(Write(*database, "UPDATE nodes SET added_at_ms = ?1 WHERE id = ?2", {i, "a"}).ok());
  }
  const auto old = RunTransaction(*database, TransactionMode::kRead,
                                  [](Transaction& t) -> absl::StatusOr<int64_t> {
                                    return t
                                        .QueryFirst(
                                            "/* test */ SELECT count(*) FROM commits "
                                            "WHERE id < '01100000-0000-7000-8000-000000000000'",
                                            {}, [](const Row& row) { return row.Int(0); })
                                        .value_or(-1);
                                  });
  EXPECT_EQ(*old, 0);
}

TEST_F(PostgresTest, PollersTakeDifferentRows) {
  const auto database = Open();
  ASSERT_TRUE(Write(*database, kInsert, {"a", 1}).ok());
  ASSERT_TRUE(Write(*database, kInsert, {"b", 1}).ok());
  const auto take = [](Transaction& t) {
    return t
        .QueryFirst(
            absl::StrCat("/* test */ SELECT id FROM nodes ORDER BY id LIMIT 1", t.skip_locked()),
            {}, [](const Row& row) { return std::string(row.Text(0)); })
        .value_or("");
  };
  std::string first;
  std::string second;
  ASSERT_TRUE(RunTransaction(*database, TransactionMode::kPoll, [&](Transaction& t) {
                first = take(t);
                return RunTransaction(*database, TransactionMode::kPoll, [&](Transaction& other) {
                  second = take(other);
                  return absl::OkStatus();
                });
              }).ok());
  EXPECT_EQ(first, "a");
  EXPECT_EQ(second, "b");
}

TEST_F(PostgresTest, TheClockIsThatOfTheDatabase) {
  const auto database = Open();
  const auto there = RunTransaction(
      *database, TransactionMode::kRead, [](Transaction& t) -> absl::StatusOr<int64_t> {
        return t
            .QueryFirst(
                "/* test */ SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS "
                "BIGINT)",
                {}, [](const Row& row) { return row.Int(0); })
            .value_or(0);
      });
  EXPECT_LT(std::abs(database->NowMs() - *there), 1000);
}

}  // namespace
}  // namespace registry::controlplane
