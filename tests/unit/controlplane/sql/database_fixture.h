// A database that a test opens itself, in its own folder.
#ifndef REGISTRY_TESTS_UNIT_CONTROLPLANE_SQL_DATABASE_FIXTURE_H_
#define REGISTRY_TESTS_UNIT_CONTROLPLANE_SQL_DATABASE_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "controlplane/sql/database.h"

namespace registry::controlplane {

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

inline constexpr absl::string_view kInsert = "INSERT INTO nodes (id, added_at_ms) VALUES (?1, ?2)";

// A connection that stands for another process.
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

}  // namespace registry::controlplane

#endif  // REGISTRY_TESTS_UNIT_CONTROLPLANE_SQL_DATABASE_FIXTURE_H_
