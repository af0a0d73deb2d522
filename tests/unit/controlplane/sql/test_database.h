// A new database for one test: an SQLite file or, if the environment variable
// REGISTRY_TEST_POSTGRES has a URL, on that server, which ctest starts
// (tests/integration/postgres.py).
//
// Its end is a test too: no statement that ran may read a whole table, but those that begin with a
// comment, which are the tests' own.
#ifndef REGISTRY_TESTS_UNIT_CONTROLPLANE_SQL_TEST_DATABASE_H_
#define REGISTRY_TESTS_UNIT_CONTROLPLANE_SQL_TEST_DATABASE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "controlplane/sql/database.h"

namespace registry::controlplane {

// Whether tests run on PostgreSQL.
bool TestsRunOnPostgres();

// Statements that ran, with the types of their values.
class Statements {
 public:
  void Add(absl::string_view sql, absl::Span<const Value> values);
  // By SQL: the types, as indexes of Value::Variant.
  std::map<std::string, std::vector<size_t>> Take();

 private:
  std::mutex mutex_;
  std::map<std::string, std::vector<size_t>> seen_;
};

class TestDatabase {
 public:
  TestDatabase();
  ~TestDatabase();
  TestDatabase(const TestDatabase&) = delete;
  TestDatabase& operator=(const TestDatabase&) = delete;

  // An SQLite file in `folder`, or a URL.
  const std::string& location() const { return location_; }
  // A folder for this test.
  const std::string& folder() const { return folder_; }

  std::unique_ptr<Engine> NewEngine();
  std::unique_ptr<Database> Open(DatabaseOptions options = {});

 private:
  void ExpectIndexes();

  std::string folder_;
  std::string name_;
  std::string location_;
  std::shared_ptr<Statements> statements_ = std::make_shared<Statements>();
};

// Tests that open a database themselves.
class DatabaseTest : public testing::Test {
 protected:
  std::unique_ptr<Database> Open() { return test_database_.Open(options_); }

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
                                .QueryFirst("/* test */ SELECT count(*) FROM nodes", {},
                                            [](const Row& row) { return row.Int(0); })
                                .value_or(-1);
                          });
  }

  TestDatabase test_database_;
  DatabaseOptions options_;
};

inline constexpr absl::string_view kInsert = "INSERT INTO nodes (id, added_at_ms) VALUES (?1, ?2)";

}  // namespace registry::controlplane

#endif  // REGISTRY_TESTS_UNIT_CONTROLPLANE_SQL_TEST_DATABASE_H_
