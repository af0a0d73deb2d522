// A connection to an SQLite file. Only Database uses it.
//
// Use a connection from one thread at a time. Errors name the file and the remedy:
//   Aborted            another connection holds the lock: the caller may retry the transaction
//   ResourceExhausted  the disk is full
//   Unavailable        the file cannot be read or written
//   DataLoss           the file is damaged, or not an SQLite database
//   Internal           a bug in this program
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
#include "controlplane/sql/value.h"

namespace registry::controlplane {

// The current row of a statement. Columns count from 0. Reading a column as another type than its
// own makes the query fail. Text and bytes are valid until the callback returns.
class Row {
 public:
  explicit Row(sqlite3_stmt* statement) : statement_(statement) {}
  Row(const Row&) = delete;
  Row& operator=(const Row&) = delete;

  int64_t Int(int column) const;
  absl::string_view Text(int column) const;
  absl::string_view Bytes(int column) const;
  bool IsNull(int column) const;

  const absl::Status& status() const { return status_; }

 private:
  bool Check(int column, int type) const;

  sqlite3_stmt* const statement_;
  mutable absl::Status status_;
};

struct SqliteOptions {
  std::string path;
  std::chrono::milliseconds busy_timeout;
  // Refuse writes.
  bool read_only = false;
  // 0: SQLite's own limit.
  int64_t max_pages = 0;
};

class SqliteConnection {
 public:
  static absl::StatusOr<std::unique_ptr<SqliteConnection>> Open(const SqliteOptions& options);

  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  // Runs one statement and calls `on_row` for each row until it returns false.
  // Returns how many rows the statement inserted, updated or deleted.
  absl::StatusOr<int64_t> Run(absl::string_view sql, absl::Span<const Value> values,
                              absl::FunctionRef<bool(const Row&)> on_row);

  // Runs one statement without values; ignores rows.
  absl::Status Run(absl::string_view sql);

  // Copies the write-ahead log into the database file if it is long enough; call it after a commit.
  // Unlike SQLite's automatic checkpoint, it reports failures.
  absl::Status Checkpoint();

  // Rolls back the current transaction, if any.
  void Rollback();

  // Returns true after a failed fsync: the file's content is unknown until it is reopened.
  bool sync_failed() const { return sync_failed_; }

 private:
  struct CloseDatabase {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  struct FinalizeStatement {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  using StatementPtr = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

  SqliteConnection(std::string path, sqlite3* db) : path_(std::move(path)), db_(db) {}

  absl::Status Configure(const SqliteOptions& options);
  absl::StatusOr<sqlite3_stmt*> Prepare(absl::string_view sql);
  absl::Status Bind(sqlite3_stmt* statement, absl::string_view sql, absl::Span<const Value> values);
  absl::Status Error(int result, absl::string_view sql);

  const std::string path_;
  std::unique_ptr<sqlite3, CloseDatabase> db_;
  // Declared after db_, so that statements are destroyed first.
  std::map<std::string, StatementPtr, std::less<>> statements_;
  bool sync_failed_ = false;
  // Length of the write-ahead log at the last commit.
  int wal_pages_ = 0;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_SQL_SQLITE_CONNECTION_H_
