// A connection to an SQLite file.
#ifndef REGISTRY_CONTROLPLANE_SQL_SQLITE_CONNECTION_H_
#define REGISTRY_CONTROLPLANE_SQL_SQLITE_CONNECTION_H_

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "controlplane/sql/engine.h"
#include "controlplane/sql/value.h"

namespace registry::controlplane {

class SqliteRow final : public Row {
 public:
  explicit SqliteRow(sqlite3_stmt* statement) : statement_(statement) {}

  int64_t Int(int column) const override;
  absl::string_view Text(int column) const override;
  absl::string_view Bytes(int column) const override;
  bool IsNull(int column) const override;

  const absl::Status& status() const { return status_; }

 private:
  bool Check(int column, int type) const;

  sqlite3_stmt* const statement_;
  mutable absl::Status status_;
};

struct SqliteConnectionOptions {
  std::string path;
  std::chrono::milliseconds busy_timeout;
  // Refuse writes.
  bool read_only = false;
  // 0: SQLite's own limit.
  int64_t max_pages = 0;
};

class SqliteConnection final : public Connection {
 public:
  static absl::StatusOr<std::unique_ptr<SqliteConnection>> Open(
      const SqliteConnectionOptions& options);

  absl::Status Begin(TransactionMode mode) override;
  absl::StatusOr<int64_t> Run(absl::string_view sql, absl::Span<const Value> values,
                              absl::FunctionRef<bool(const Row&)> on_row) override;
  absl::Status Commit() override;
  void Rollback() override;
  bool in_transaction() const override { return sqlite3_get_autocommit(db_.get()) == 0; }
  bool usable() const override { return true; }
  // True after a failed fsync: the file's content is unknown until it is reopened.
  bool write_failed() const override { return sync_failed_; }

 private:
  struct CloseDatabase {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  struct FinalizeStatement {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  using StatementPtr = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

  SqliteConnection(std::string path, sqlite3* db) : path_(std::move(path)), db_(db) {}

  absl::Status Configure(const SqliteConnectionOptions& options);
  // Runs one statement without values; ignores rows.
  absl::Status Run(absl::string_view sql);
  // Whether commits wait for the disk, from the next transaction on.
  absl::Status SetSynchronous(bool full);
  // Copies the write-ahead log into the database file if it is long enough. Unlike SQLite's
  // automatic checkpoint, it reports failures.
  absl::Status Checkpoint();
  absl::StatusOr<sqlite3_stmt*> Prepare(absl::string_view sql);
  absl::Status Bind(sqlite3_stmt* statement, absl::string_view sql, absl::Span<const Value> values);
  absl::Status Error(int result, absl::string_view sql);

  const std::string path_;
  std::unique_ptr<sqlite3, CloseDatabase> db_;
  // Declared after db_, so that statements are destroyed first.
  std::map<std::string, StatementPtr, std::less<>> statements_;
  bool sync_failed_ = false;
  bool synchronous_full_ = true;
  // Length of the write-ahead log at the last commit.
  int wal_pages_ = 0;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_SQL_SQLITE_CONNECTION_H_
