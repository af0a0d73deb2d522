// The metadata database. RunTransaction is the only way to use it.
//
//   absl::StatusOr<int64_t> count = RunTransaction(
//       database, TransactionMode::kRead, [&](Transaction& t) -> absl::StatusOr<int64_t> {
//         return t.QueryFirst("SELECT count(*) FROM tags WHERE repository_id = ?1", {id},
//                             [](const Row& row) { return row.Int(0); }).value_or(0);
//       });
//
// A body may run several times, on any thread that writes, and must have no effect outside the
// transaction except its result. If the body returns OK, RunTransaction commits; otherwise it rolls
// back and returns the error.
//
// SQL must suit both engines: placeholders ?1, ON CONFLICT instead of catching constraint errors,
// RETURNING, CAST(sum(x) AS BIGINT).
//
// Thread-safe. Errors, besides those of the body: those of engine.h, but Unavailable instead of
// Aborted, after several attempts, and instead of Unknown.
#ifndef REGISTRY_CONTROLPLANE_SQL_DATABASE_H_
#define REGISTRY_CONTROLPLANE_SQL_DATABASE_H_

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/limits.h"
#include "controlplane/sql/connection_pool.h"
#include "controlplane/sql/engine.h"
#include "controlplane/sql/transaction.h"
#include "controlplane/sql/write_queue.h"

namespace registry::controlplane {

struct DatabaseOptions {
  // Called to wait between attempts. If empty, sleeps.
  std::function<void(std::chrono::milliseconds)> sleep;
};

class Database {
 public:
  // Opens the database and migrates its schema.
  static absl::StatusOr<std::unique_ptr<Database>> Open(std::unique_ptr<Engine> engine,
                                                        DatabaseOptions options = {});

  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // For messages.
  const std::string& name() const { return engine_->name(); }

  // The database's clock, in milliseconds since the epoch: the same for all its users.
  int64_t NowMs() const { return engine_->NowMs(); }

  // Threads that should write. More than the connections that may, where those that wait are
  // committed together (write_queue.h).
  size_t write_threads() const {
    return engine_->writers() == 1 ? base::kSqlWriteThreads : engine_->writers();
  }

  // Calls `callback` once, after flushing has failed: then no further write succeeds until a
  // restart. Calls it immediately if that has already happened. Empty: removes the callback.
  void OnFailure(std::function<void()> callback);

  // Use RunTransaction.
  absl::Status Run(TransactionMode mode, absl::FunctionRef<absl::Status(Transaction&)> body);

 private:
  Database(std::unique_ptr<Engine> engine, DatabaseOptions options);

  absl::Status Migrate();
  absl::Status OpenAll(ConnectionPool& pool);
  void WaitBeforeRetry(int attempt) const;
  absl::Status RunOnce(TransactionMode mode, absl::FunctionRef<absl::Status(Transaction&)> body,
                       bool& may_retry);
  // Runs what waits for the only connection that writes.
  void RunGroup(absl::Span<WaitingWrite* const> group);
  absl::Status RunOn(Connection& connection, TransactionMode mode,
                     absl::FunctionRef<absl::Status(Transaction&)> body, bool& may_retry);
  // Returns false if the group must be run one by one.
  bool RunTogether(Connection& connection, absl::Span<WaitingWrite* const> group);
  absl::Status Settle(const absl::Status& unknown, const std::string& commit_id, bool& may_retry);
  void ReportFailure(const absl::Status& status);

  const DatabaseOptions options_;
  const std::unique_ptr<Engine> engine_;
  ConnectionPool readers_;
  ConnectionPool writers_;
  // If only one may write.
  WriteQueue write_queue_;

  std::mutex failure_mutex_;
  std::function<void()> on_failure_ ABSL_GUARDED_BY(failure_mutex_);
  bool failure_reported_ ABSL_GUARDED_BY(failure_mutex_) = false;
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
