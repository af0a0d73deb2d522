#include "tests/unit/controlplane/sql/test_database.h"

#include <sqlite3.h>

#include <cstdlib>
#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/hash.h"
#include "controlplane/sql/postgres/connection.h"
#include "controlplane/sql/postgres/engine.h"
#include "controlplane/sql/postgres/libpq.h"
#include "controlplane/sql/sqlite/engine.h"

namespace registry::controlplane {
namespace {

// Tables that hold one row, or rows that are all needed: the policy, the few storage nodes.
constexpr absl::string_view kReadWhole[] = {
    "policy_objects", "policy_revision", "policy_file_set", "nodes", "signing_keys",
    // An index of nothing but open uploads, which are summed.
    "open_uploads_by_principal"};

class RecordingConnection final : public Connection {
 public:
  RecordingConnection(std::unique_ptr<Connection> connection,
                      std::shared_ptr<Statements> statements)
      : connection_(std::move(connection)), statements_(std::move(statements)) {}

  absl::Status Begin(TransactionMode mode) override { return connection_->Begin(mode); }
  absl::StatusOr<int64_t> Run(absl::string_view sql, absl::Span<const Value> values,
                              absl::FunctionRef<bool(const Row&)> on_row) override {
    statements_->Add(sql, values);
    return connection_->Run(sql, values, on_row);
  }
  absl::Status Commit() override { return connection_->Commit(); }
  void Rollback() override { connection_->Rollback(); }
  bool in_transaction() const override { return connection_->in_transaction(); }
  bool usable() const override { return connection_->usable(); }
  std::string commit_id() const override { return connection_->commit_id(); }
  bool write_failed() const override { return connection_->write_failed(); }

 private:
  const std::unique_ptr<Connection> connection_;
  const std::shared_ptr<Statements> statements_;
};

class RecordingEngine final : public Engine {
 public:
  RecordingEngine(std::unique_ptr<Engine> engine, std::shared_ptr<Statements> statements)
      : engine_(std::move(engine)), statements_(std::move(statements)) {}

  const std::string& name() const override { return engine_->name(); }
  absl::StatusOr<std::unique_ptr<Connection>> Connect(bool read_only) override {
    absl::StatusOr<std::unique_ptr<Connection>> connection = engine_->Connect(read_only);
    if (!connection.ok()) return connection.status();
    return std::make_unique<RecordingConnection>(*std::move(connection), statements_);
  }
  size_t readers() const override { return engine_->readers(); }
  size_t writers() const override { return engine_->writers(); }
  int max_attempts() const override { return engine_->max_attempts(); }
  absl::Status PrepareMigration(Transaction& t) override { return engine_->PrepareMigration(t); }
  const std::vector<Migration>& migrations() const override { return engine_->migrations(); }
  absl::StatusOr<bool> WasCommitted(const std::string& commit_id) override {
    return engine_->WasCommitted(commit_id);
  }
  int64_t NowMs() const override { return engine_->NowMs(); }
  absl::string_view skip_locked() const override { return engine_->skip_locked(); }

 private:
  const std::unique_ptr<Engine> engine_;
  const std::shared_ptr<Statements> statements_;
};

constexpr char kServerVariable[] = "REGISTRY_TEST_POSTGRES";

std::string ServerUrl() {
  const char* url = std::getenv(kServerVariable);
  EXPECT_NE(url, nullptr) << "run this test by ctest, which starts PostgreSQL";
  return url == nullptr ? "" : url;
}

// Runs statements outside of transactions.
class Administrator {
 public:
  explicit Administrator(const std::string& url) {
    EXPECT_TRUE(LoadLibpq().ok());
    connection_ = PostgresConnection::Open(url, url, /*read_only=*/false, clock_).value();
  }

  // The first column, which is text, line by line.
  std::string Run(const std::string& sql) {
    std::string text;
    const absl::Status status = connection_
                                    ->Run(sql, {},
                                          [&](const Row& row) {
                                            absl::StrAppend(&text, row.Text(0), "\n");
                                            return true;
                                          })
                                    .status();
    EXPECT_TRUE(status.ok()) << sql << ": " << status;
    return text;
  }

 private:
  PostgresClock clock_;
  std::unique_ptr<PostgresConnection> connection_;
};

bool MayBeReadWhole(absl::string_view plan_line) {
  for (const absl::string_view table : kReadWhole) {
    if (absl::StrContains(plan_line, table)) return true;
  }
  return false;
}

// What tests ask themselves begins with a comment.
bool IsPlanned(absl::string_view sql) {
  for (const absl::string_view word : {"SELECT", "UPDATE", "DELETE", "INSERT"}) {
    if (absl::StartsWith(sql, word)) return true;
  }
  return false;
}

// The lines of a plan that read more than what an index finds.
std::vector<std::string> FullScansInSqlite(sqlite3* db, const std::string& sql) {
  std::vector<std::string> scans;
  sqlite3_stmt* statement = nullptr;
  const std::string explain = absl::StrCat("EXPLAIN QUERY PLAN ", sql);
  if (sqlite3_prepare_v2(db, explain.c_str(), -1, &statement, nullptr) != SQLITE_OK) {
    return {sqlite3_errmsg(db)};
  }
  while (sqlite3_step(statement) == SQLITE_ROW) {
    const std::string line = reinterpret_cast<const char*>(sqlite3_column_text(statement, 3));
    if (absl::StartsWith(line, "SCAN") && !absl::StrContains(line, "CONSTANT ROW")) {
      scans.push_back(line);
    }
  }
  sqlite3_finalize(statement);
  return scans;
}

std::vector<std::string> FullScansInPostgres(Administrator& server, const std::string& sql,
                                             const std::vector<size_t>& types) {
  // In the order of Value::Variant.
  constexpr absl::string_view kNames[] = {"unknown", "bigint", "text", "bytea"};
  std::vector<absl::string_view> names;
  for (const size_t type : types) names.push_back(kNames[type]);
  const std::vector<absl::string_view> nulls(types.size(), "NULL");
  const std::string list = names.empty() ? "" : absl::StrCat("(", absl::StrJoin(names, ", "), ")");
  server.Run(
      absl::StrCat("PREPARE statement", list, " AS ", absl::StrReplaceAll(sql, {{"?", "$"}})));
  const std::string plan = server.Run(
      absl::StrCat("EXPLAIN EXECUTE statement",
                   nulls.empty() ? "" : absl::StrCat("(", absl::StrJoin(nulls, ", "), ")")));
  server.Run("DEALLOCATE statement");
  std::vector<std::string> scans;
  const std::vector<std::string> lines = absl::StrSplit(plan, '\n');
  for (size_t i = 0; i < lines.size(); ++i) {
    const bool by_index =
        absl::StrContains(lines[i], "Index Scan") || absl::StrContains(lines[i], "Index Only Scan");
    const bool has_condition =
        i + 1 < lines.size() && absl::StrContains(lines[i + 1], "Index Cond");
    if (absl::StrContains(lines[i], "Seq Scan") || (by_index && !has_condition)) {
      scans.push_back(lines[i]);
    }
  }
  return scans;
}

}  // namespace

bool TestsRunOnPostgres() { return std::getenv(kServerVariable) != nullptr; }

void Statements::Add(absl::string_view sql, absl::Span<const Value> values) {
  std::lock_guard lock(mutex_);
  std::vector<size_t>& types = seen_[std::string(sql)];
  types.clear();
  for (const Value& value : values) types.push_back(value.variant().index());
}

std::map<std::string, std::vector<size_t>> Statements::Take() {
  std::lock_guard lock(mutex_);
  return std::exchange(seen_, {});
}

TestDatabase::TestDatabase() {
  std::string pattern = testing::TempDir() + "/database-XXXXXX";
  folder_ = mkdtemp(pattern.data());
  if (!TestsRunOnPostgres()) {
    location_ = folder_ + "/metadata.db";
    return;
  }
  name_ = absl::StrCat("test_", absl::StrReplaceAll(base::NewUuid7(), {{"-", "_"}}));
  const std::string server = ServerUrl();
  Administrator(server).Run("CREATE DATABASE " + name_);
  location_ = absl::StrReplaceAll(server, {{"/postgres?", absl::StrCat("/", name_, "?")}});
}

TestDatabase::~TestDatabase() {
  ExpectIndexes();
  if (!name_.empty()) Administrator(ServerUrl()).Run("DROP DATABASE " + name_ + " WITH (FORCE)");
  std::filesystem::remove_all(folder_);
}

std::unique_ptr<Engine> TestDatabase::NewEngine() {
  if (TestsRunOnPostgres()) return PostgresEngine::Create({.url = location_}).value();
  return std::make_unique<SqliteEngine>(SqliteOptions{.path = location_});
}

std::unique_ptr<Database> TestDatabase::Open(DatabaseOptions options) {
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(
      std::make_unique<RecordingEngine>(NewEngine(), statements_), std::move(options));
  EXPECT_TRUE(database.ok()) << database.status();
  // Migrations may read whole tables.
  statements_->Take();
  return *std::move(database);
}

void TestDatabase::ExpectIndexes() {
  sqlite3* sqlite = nullptr;
  std::unique_ptr<Administrator> postgres;
  if (name_.empty()) {
    sqlite3_open(location_.c_str(), &sqlite);
  } else {
    postgres = std::make_unique<Administrator>(location_);
    postgres->Run("SET plan_cache_mode = force_generic_plan");
  }
  for (const auto& [sql, types] : statements_->Take()) {
    if (!IsPlanned(sql)) continue;
    const std::vector<std::string> scans =
        name_.empty() ? FullScansInSqlite(sqlite, sql) : FullScansInPostgres(*postgres, sql, types);
    for (const std::string& scan : scans) EXPECT_TRUE(MayBeReadWhole(scan)) << sql << "\n" << scan;
  }
  sqlite3_close(sqlite);
}

}  // namespace registry::controlplane
