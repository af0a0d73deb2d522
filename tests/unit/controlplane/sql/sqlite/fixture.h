// An SQLite file that a test opens itself, in its own folder.
#ifndef REGISTRY_TESTS_UNIT_CONTROLPLANE_SQL_SQLITE_FIXTURE_H_
#define REGISTRY_TESTS_UNIT_CONTROLPLANE_SQL_SQLITE_FIXTURE_H_

#include <sqlite3.h>

#include <filesystem>
#include <memory>
#include <string>

#include "controlplane/sql/sqlite/engine.h"
#include "tests/unit/controlplane/sql/test_database.h"

namespace registry::controlplane {

class SqliteTest : public DatabaseTest {
 protected:
  SqliteTest() : folder_(test_database_.folder()) { options_.path = folder_ + "/metadata.db"; }

  std::unique_ptr<Engine> NewEngine() { return std::make_unique<SqliteEngine>(options_); }

  std::unique_ptr<Database> Open() {
    absl::StatusOr<std::unique_ptr<Database>> database =
        Database::Open(NewEngine(), database_options_);
    EXPECT_TRUE(database.ok()) << database.status();
    return *std::move(database);
  }

  const std::string folder_;
  SqliteOptions options_;
  DatabaseOptions database_options_;
};

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

#endif  // REGISTRY_TESTS_UNIT_CONTROLPLANE_SQL_SQLITE_FIXTURE_H_
