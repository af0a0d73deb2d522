// The metadata database. RunTransaction is the only way to use it.
//
//   absl::StatusOr<int64_t> count = RunTransaction(
//       database, TransactionMode::kRead, [&](Transaction& t) -> absl::StatusOr<int64_t> {
//         return t.QueryFirst("SELECT count(*) FROM tags WHERE repository_id = ?1", {id},
//                             [](const Row& row) { return row.Int(0); }).value_or(0);
//       });
//
// A body may run several times and must have no effect outside the transaction except its result.
// If the body returns OK, RunTransaction commits; otherwise it rolls back and returns the error.
//
// The engine is SQLite. Use only SQL that PostgreSQL accepts too: placeholders ?1, ON CONFLICT
// instead of catching constraint errors, RETURNING. A second engine replaces SqliteConnection
// (sqlite.h) and brings its own DDL (migrations.h).
//
// Thread-safe. Errors, besides those of the body: those of sqlite.h, but Unavailable instead of
// Aborted, after several attempts.
#ifndef REGISTRY_CONTROLPLANE_SQL_DATABASE_H_
#define REGISTRY_CONTROLPLANE_SQL_DATABASE_H_

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/limits.h"
#include "controlplane/sql/fair_mutex.h"
#include "controlplane/sql/sqlite/connection.h"
#include "controlplane/sql/value.h"

namespace registry::controlplane {

enum class TransactionMode {
  kRead,   // sees one state of the database throughout; cannot write
  kWrite,  // one at a time
};

// The interface for bodies. After the first error, calls do nothing and find nothing, and the
// transaction fails with that error whatever the body returns. So a body need not check each call.
class Transaction {
 public:
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  // Runs a statement that returns no rows. Returns how many rows it changed.
  int64_t Execute(absl::string_view sql, absl::Span<const Value> values = {});

  // Calls `on_row` for each row. It must not run the same statement again.
  void Query(absl::string_view sql, absl::Span<const Value> values,
             absl::FunctionRef<void(const Row&)> on_row);

  // As above, until `on_row` returns false.
  void QueryWhile(absl::string_view sql, absl::Span<const Value> values,
                  absl::FunctionRef<bool(const Row&)> on_row) {
    Run(sql, values, on_row);
  }

  // The result of `read` for the first row; nullopt if there is no row.
  template <class Read>
  auto QueryFirst(absl::string_view sql, absl::Span<const Value> values, Read read)
      -> std::optional<std::invoke_result_t<Read&, const Row&>> {
    std::optional<std::invoke_result_t<Read&, const Row&>> result;
    Run(sql, values, [&](const Row& row) {
      result.emplace(read(row));
      return false;
    });
    if (!status_.ok()) return std::nullopt;
    return result;
  }

  // Returns true if there is a row.
  bool Exists(absl::string_view sql, absl::Span<const Value> values);

  // The first error.
  const absl::Status& status() const { return status_; }

 private:
  friend class Database;

  explicit Transaction(SqliteConnection& connection) : connection_(connection) {}

  int64_t Run(absl::string_view sql, absl::Span<const Value> values,
              absl::FunctionRef<bool(const Row&)> on_row);

  SqliteConnection& connection_;
  absl::Status status_;
};

struct DatabaseOptions {
  // Open creates the file if missing; its folder must exist.
  std::string path;
  // Concurrent read transactions; further ones wait.
  size_t readers = base::kSqlThreads;
  // Time that an attempt waits for a lock held by another process.
  std::chrono::milliseconds busy_timeout = base::kSqlBusyTimeout;
  // Attempts per transaction if another process holds the lock.
  int max_attempts = base::kSqlAttempts;
  // Size limit in pages of 4096 bytes; 0: limited only by the disk.
  int64_t max_pages = 0;
  // Open checks files up to this size completely.
  int64_t quick_check_max_bytes = base::kSqlQuickCheckBytes;
  // Called to wait between attempts. If empty, sleeps.
  std::function<void(std::chrono::milliseconds)> sleep;
};

class Database {
 public:
  // Opens the file and migrates its schema. Errors: see above, and FailedPrecondition if the file
  // belongs to another program or to a newer version of this one.
  static absl::StatusOr<std::unique_ptr<Database>> Open(DatabaseOptions options);

  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  const std::string& path() const { return options_.path; }

  // Calls `callback` once, after flushing the file has failed: then no further write succeeds until
  // a restart. Calls it immediately if that has already happened. Empty: removes the callback.
  void OnFailure(std::function<void()> callback);

  // Use RunTransaction.
  absl::Status Run(TransactionMode mode, absl::FunctionRef<absl::Status(Transaction&)> body);

 private:
  class ReaderLease;

  explicit Database(DatabaseOptions options) : options_(std::move(options)) {}

  absl::StatusOr<std::unique_ptr<SqliteConnection>> Connect(bool read_only) const;
  void WaitBeforeRetry(int attempt) const;
  absl::Status CheckFile();
  absl::Status RunOnce(TransactionMode mode, absl::FunctionRef<absl::Status(Transaction&)> body,
                       bool& may_retry);
  absl::Status RunOn(SqliteConnection& connection, absl::string_view begin,
                     absl::FunctionRef<absl::Status(Transaction&)> body, bool& may_retry);

  const DatabaseOptions options_;

  // Fair, so that one busy thread does not keep out the others.
  FairMutex writer_mutex_;
  std::unique_ptr<SqliteConnection> writer_ ABSL_GUARDED_BY(writer_mutex_);
  std::function<void()> on_failure_ ABSL_GUARDED_BY(writer_mutex_);
  bool failure_reported_ ABSL_GUARDED_BY(writer_mutex_) = false;

  std::mutex readers_mutex_;
  std::condition_variable reader_is_free_;
  std::vector<std::unique_ptr<SqliteConnection>> free_readers_ ABSL_GUARDED_BY(readers_mutex_);
};

namespace internal {
inline const absl::Status& StatusOf(const absl::Status& status) { return status; }
template <class T>
const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}
}  // namespace internal

// Runs `body`, which returns absl::Status or absl::StatusOr, in a transaction.
template <class Body>
auto RunTransaction(Database& database, TransactionMode mode, Body body)
    -> std::invoke_result_t<Body&, Transaction&> {
  std::optional<std::invoke_result_t<Body&, Transaction&>> result;
  absl::Status status = database.Run(mode, [&](Transaction& t) -> absl::Status {
    result.emplace(body(t));
    return internal::StatusOf(*result);
  });
  if (!status.ok()) return status;
  return *std::move(result);
}

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_SQL_DATABASE_H_
