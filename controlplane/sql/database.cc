#include "controlplane/sql/database.h"

#include <algorithm>
#include <random>
#include <thread>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "controlplane/sql/sqlite/migrations.h"

namespace registry::controlplane {
namespace {

// Doubles from 4 ms up to about a quarter of a second; random, so that transactions that met at a
// lock do not meet again.
std::chrono::milliseconds Backoff(int attempt) {
  thread_local std::minstd_rand random{std::random_device{}()};
  const int longest_ms = std::min(4 << attempt, 256);
  return std::chrono::milliseconds(std::uniform_int_distribution<int>(1, longest_ms)(random));
}

absl::Status LockedByOthers(const absl::Status& status) {
  return absl::UnavailableError(
      absl::StrCat(status.message(), "; another process holds a lock on it"));
}

}  // namespace

int64_t Transaction::Run(absl::string_view sql, absl::Span<const Value> values,
                         absl::FunctionRef<bool(const Row&)> on_row) {
  if (!status_.ok()) return 0;
  const absl::StatusOr<int64_t> changed = connection_.Run(sql, values, on_row);
  if (changed.ok()) return *changed;
  status_ = changed.status();
  return 0;
}

int64_t Transaction::Execute(absl::string_view sql, absl::Span<const Value> values) {
  return Run(sql, values, [](const Row&) { return true; });
}

void Transaction::Query(absl::string_view sql, absl::Span<const Value> values,
                        absl::FunctionRef<void(const Row&)> on_row) {
  Run(sql, values, [&](const Row& row) {
    on_row(row);
    return true;
  });
}

bool Transaction::Exists(absl::string_view sql, absl::Span<const Value> values) {
  return QueryFirst(sql, values, [](const Row&) { return true; }).value_or(false);
}

// Leases a reader's connection and returns it at the end.
class Database::ReaderLease {
 public:
  explicit ReaderLease(Database& database) : database_(database) {
    std::unique_lock lock(database_.readers_mutex_);
    database_.reader_is_free_.wait(lock, [&] { return !database_.free_readers_.empty(); });
    connection_ = std::move(database_.free_readers_.back());
    database_.free_readers_.pop_back();
  }
  ~ReaderLease() {
    {
      std::lock_guard lock(database_.readers_mutex_);
      database_.free_readers_.push_back(std::move(connection_));
    }
    database_.reader_is_free_.notify_one();
  }
  ReaderLease(const ReaderLease&) = delete;
  ReaderLease& operator=(const ReaderLease&) = delete;

  SqliteConnection& connection() { return *connection_; }

 private:
  Database& database_;
  std::unique_ptr<SqliteConnection> connection_;
};

absl::StatusOr<std::unique_ptr<Database>> Database::Open(DatabaseOptions options) {
  std::unique_ptr<Database> database(new Database(std::move(options)));
  absl::StatusOr<std::unique_ptr<SqliteConnection>> writer = database->Connect(false);
  if (!writer.ok()) return writer.status();
  {
    std::lock_guard lock(database->writer_mutex_);
    database->writer_ = *std::move(writer);
  }
  if (absl::Status status = database->CheckFile(); !status.ok()) return status;
  if (absl::Status status = Migrate(*database); !status.ok()) return status;
  for (size_t i = 0; i < std::max<size_t>(database->options_.readers, 1); ++i) {
    absl::StatusOr<std::unique_ptr<SqliteConnection>> reader = database->Connect(true);
    if (!reader.ok()) return reader.status();
    std::lock_guard lock(database->readers_mutex_);
    database->free_readers_.push_back(*std::move(reader));
  }
  return database;
}

// Retries, because two connections that switch a new file to a write-ahead log at the same time do
// not wait for each other.
absl::StatusOr<std::unique_ptr<SqliteConnection>> Database::Connect(bool read_only) const {
  const SqliteOptions options = {.path = options_.path,
                                 .busy_timeout = options_.busy_timeout,
                                 .read_only = read_only,
                                 .max_pages = options_.max_pages};
  for (int attempt = 1;; ++attempt) {
    absl::StatusOr<std::unique_ptr<SqliteConnection>> connection = SqliteConnection::Open(options);
    if (connection.status().code() != absl::StatusCode::kAborted) return connection;
    if (attempt >= options_.max_attempts) return LockedByOthers(connection.status());
    WaitBeforeRetry(attempt);
  }
}

void Database::WaitBeforeRetry(int attempt) const {
  const std::chrono::milliseconds delay = Backoff(attempt);
  if (options_.sleep) {
    options_.sleep(delay);
  } else {
    std::this_thread::sleep_for(delay);
  }
}

// Opening must be fast for any size: of a large file, it reads only what the migrations need, and
// statements find damage elsewhere when they read it (SQLite itself notices a truncated file).
absl::Status Database::CheckFile() {
  return RunTransaction(*this, TransactionMode::kWrite, [&](Transaction& t) -> absl::Status {
    const bool ours = t.Exists("SELECT 1 FROM sqlite_master WHERE name = 'schema_migrations'", {});
    if (!ours && t.Exists("SELECT 1 FROM sqlite_master", {})) {
      return absl::FailedPreconditionError(
          absl::StrCat("the database ", path(),
                       " belongs to another program: it has tables, but "
                       "not those of Simple Registry; name another data folder"));
    }
    const auto number = [](const Row& row) { return row.Int(0); };
    const int64_t size_bytes = t.QueryFirst("PRAGMA page_count", {}, number).value_or(0) *
                               t.QueryFirst("PRAGMA page_size", {}, number).value_or(0);
    if (size_bytes > options_.quick_check_max_bytes) return absl::OkStatus();
    const std::optional<std::string> found = t.QueryFirst(
        "PRAGMA quick_check(1)", {}, [](const Row& row) { return std::string(row.Text(0)); });
    if (found.has_value() && *found != "ok") {
      return absl::DataLossError(absl::StrCat("the database ", path(), " is damaged (", *found,
                                              "): restore it from a backup"));
    }
    return absl::OkStatus();
  });
}

absl::Status Database::Run(TransactionMode mode,
                           absl::FunctionRef<absl::Status(Transaction&)> body) {
  for (int attempt = 1;; ++attempt) {
    bool may_retry = false;
    const absl::Status status = RunOnce(mode, body, may_retry);
    if (!may_retry) return status;
    if (attempt >= options_.max_attempts) {
      return LockedByOthers(status);
    }
    WaitBeforeRetry(attempt);
  }
}

absl::Status Database::RunOnce(TransactionMode mode,
                               absl::FunctionRef<absl::Status(Transaction&)> body,
                               bool& may_retry) {
  if (mode == TransactionMode::kRead) {
    ReaderLease lease(*this);
    return RunOn(lease.connection(), "BEGIN", body, may_retry);
  }
  std::lock_guard lock(writer_mutex_);
  if (writer_->sync_failed()) {
    return absl::UnavailableError(
        absl::StrCat("the database ", path(),
                     " accepts no writes since it failed to flush its file: check the "
                     "disk, then restart the registry"));
  }
  // IMMEDIATE, because a transaction that reads first and then writes would fail, without waiting,
  // if another process wrote in between.
  const absl::Status status = RunOn(*writer_, "BEGIN IMMEDIATE", body, may_retry);
  if (status.ok()) {
    // The transaction is durable even if this fails.
    const absl::Status checkpoint = writer_->Checkpoint();
    if (!checkpoint.ok()) {
      base::LogError("cannot checkpoint the database's write-ahead log",
                     {{"error", checkpoint.message()}});
    }
  }
  if (writer_->sync_failed() && !std::exchange(failure_reported_, true)) {
    base::LogError("the database failed to flush its file: no more writes until a restart",
                   {{"database", path()}, {"error", status.message()}});
    if (on_failure_) on_failure_();
  }
  return status;
}

void Database::OnFailure(std::function<void()> callback) {
  std::lock_guard lock(writer_mutex_);
  on_failure_ = std::move(callback);
  if (failure_reported_ && on_failure_) on_failure_();
}

absl::Status Database::RunOn(SqliteConnection& connection, absl::string_view begin,
                             absl::FunctionRef<absl::Status(Transaction&)> body, bool& may_retry) {
  const auto engine_error = [&](const absl::Status& status) {
    may_retry = status.code() == absl::StatusCode::kAborted;
    return status;
  };
  if (absl::Status status = connection.Run(begin); !status.ok()) return engine_error(status);
  // Has no effect after a commit.
  const absl::Cleanup rollback = [&] { connection.Rollback(); };
  Transaction transaction(connection);
  absl::Status body_status = body(transaction);
  if (!transaction.status().ok()) return engine_error(transaction.status());
  if (!body_status.ok()) return body_status;
  if (absl::Status status = connection.Run("COMMIT"); !status.ok()) return engine_error(status);
  return absl::OkStatus();
}

}  // namespace registry::controlplane
