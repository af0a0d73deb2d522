#include "controlplane/sql/database.h"

#include <algorithm>
#include <random>
#include <thread>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/log.h"

namespace registry::controlplane {
namespace {

using SteadyClock = std::chrono::steady_clock;

// Doubles from 4 ms up to about a quarter of a second; random, so that transactions that met at a
// lock do not meet again.
std::chrono::milliseconds Backoff(int attempt) {
  thread_local std::minstd_rand random{std::random_device{}()};
  const int longest_ms = std::min(4 << std::min(attempt, 10), 256);
  return std::chrono::milliseconds(std::uniform_int_distribution<int>(1, longest_ms)(random));
}

bool MayRetry(const absl::Status& status) {
  return absl::IsAborted(status) || absl::IsAlreadyExists(status);
}

absl::Status GivenUp(const absl::Status& status) {
  return absl::UnavailableError(absl::StrCat(status.message(), "; tried several times"));
}

// Errors that concern only the body which they met. After others, nobody knows what else is wrong.
bool ConcernsOneBody(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsInternal(status);
}

int64_t SchemaVersion(Transaction& t) {
  return t
      .QueryFirst("SELECT coalesce(max(version), 0) FROM schema_migrations", {},
                  [](const Row& row) { return row.Int(0); })
      .value_or(0);
}

}  // namespace

Database::Database(std::unique_ptr<Engine> engine, DatabaseOptions options)
    : options_(std::move(options)),
      engine_(std::move(engine)),
      readers_(*engine_, /*read_only=*/true, std::max<size_t>(engine_->readers(), 1)),
      writers_(*engine_, /*read_only=*/false, engine_->writers()) {}

absl::StatusOr<std::unique_ptr<Database>> Database::Open(std::unique_ptr<Engine> engine,
                                                         DatabaseOptions options) {
  std::unique_ptr<Database> database(new Database(std::move(engine), std::move(options)));
  if (absl::Status status = database->Migrate(); !status.ok()) return status;
  for (ConnectionPool* pool : {&database->writers_, &database->readers_}) {
    if (absl::Status status = database->OpenAll(*pool); !status.ok()) return status;
  }
  return database;
}

absl::Status Database::OpenAll(ConnectionPool& pool) {
  for (int attempt = 1;; ++attempt) {
    const absl::Status status = pool.Open();
    if (!MayRetry(status)) return status;
    if (attempt >= engine_->max_attempts()) return GivenUp(status);
    WaitBeforeRetry(attempt);
  }
}

// Migrations only go forward and never change once released: a later one corrects an earlier one.
// Each runs in one transaction with its row in schema_migrations, so that an interrupted migration
// runs again, and only one of several processes runs it.
absl::Status Database::Migrate() {
  const std::vector<Migration>& migrations = engine_->migrations();
  const auto latest = static_cast<int64_t>(migrations.size());
  bool more = true;
  const auto next = [&](Transaction& t) -> absl::Status {
    more = false;
    if (absl::Status status = engine_->PrepareMigration(t); !status.ok()) return status;
    t.Execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations ("
        "  version BIGINT PRIMARY KEY,"
        "  applied_at_ms BIGINT NOT NULL)");
    const int64_t version = SchemaVersion(t);
    if (!t.status().ok()) return t.status();
    if (version > latest) {
      return absl::FailedPreconditionError(
          absl::StrCat("the database ", name(), " has schema version ", version,
                       ", made by a newer version of this program, which knows versions up to ",
                       latest, ": start the newer program, or restore a backup"));
    }
    if (version == latest) return absl::OkStatus();
    for (const absl::string_view statement : migrations[version]) t.Execute(statement);
    t.Execute("INSERT INTO schema_migrations (version, applied_at_ms) VALUES (?1, ?2)",
              {version + 1, NowMs()});
    more = true;
    return absl::OkStatus();
  };
  while (more) {
    // Not a serializable one: its view may be older than the lock that it waited for.
    if (absl::Status status = Run(TransactionMode::kPoll, next); !status.ok()) return status;
  }
  return absl::OkStatus();
}

void Database::WaitBeforeRetry(int attempt) const {
  const std::chrono::milliseconds delay = Backoff(attempt);
  if (options_.sleep) {
    options_.sleep(delay);
  } else {
    std::this_thread::sleep_for(delay);
  }
}

absl::Status Database::Run(TransactionMode mode,
                           absl::FunctionRef<absl::Status(Transaction&)> body) {
  for (int attempt = 1;; ++attempt) {
    bool may_retry = false;
    const absl::Status status = RunOnce(mode, body, may_retry);
    if (!may_retry) return status;
    if (absl::IsAlreadyExists(status) && attempt >= base::kSqlAttempts) {
      return absl::InternalError(status.message());
    }
    if (attempt >= engine_->max_attempts()) return GivenUp(status);
    WaitBeforeRetry(attempt);
  }
}

absl::Status Database::RunOnce(TransactionMode mode,
                               absl::FunctionRef<absl::Status(Transaction&)> body,
                               bool& may_retry) {
  if (mode != TransactionMode::kRead && engine_->writers() == 1) {
    WaitingWrite write = {.mode = mode, .body = body, .status = {}};
    write_queue_.Run(write, [this](absl::Span<WaitingWrite* const> group) { RunGroup(group); });
    may_retry = write.may_retry;
    return write.status;
  }
  ConnectionPool& pool = mode == TransactionMode::kRead ? readers_ : writers_;
  const absl::StatusOr<ConnectionPool::Lease> connection = pool.Take();
  if (!connection.ok()) {
    may_retry = MayRetry(connection.status());
    return connection.status();
  }
  return RunOn(**connection, mode, body, may_retry);
}

absl::Status Database::RunOn(Connection& connection, TransactionMode mode,
                             absl::FunctionRef<absl::Status(Transaction&)> body, bool& may_retry) {
  const auto engine_error = [&](const absl::Status& status) {
    may_retry = MayRetry(status);
    return status;
  };
  if (absl::Status status = connection.Begin(mode); !status.ok()) return engine_error(status);
  // Has no effect after a commit.
  const absl::Cleanup rollback = [&] { connection.Rollback(); };
  Transaction transaction(*engine_, connection);
  absl::Status body_status = body(transaction);
  if (!transaction.status().ok()) return engine_error(transaction.status());
  if (!body_status.ok()) return body_status;
  const absl::Status status = connection.Commit();
  if (absl::IsUnknown(status)) return Settle(status, connection.commit_id(), may_retry);
  return engine_error(status);
}

// The database may be away for a moment: it restarts, or another server takes over.
absl::Status Database::Settle(const absl::Status& unknown, const std::string& commit_id,
                              bool& may_retry) {
  const SteadyClock::time_point end = SteadyClock::now() + base::kSqlSettleTime;
  while (true) {
    const absl::StatusOr<bool> committed = engine_->WasCommitted(commit_id);
    if (committed.ok()) {
      may_retry = !*committed;
      return *committed ? absl::OkStatus() : absl::AbortedError(unknown.message());
    }
    if (SteadyClock::now() >= end) {
      return absl::UnavailableError(
          absl::StrCat(unknown.message(),
                       "; nobody knows whether it was committed, because the "
                       "database has not answered since: ",
                       committed.status().message()));
    }
    std::this_thread::sleep_for(base::kSqlSettleInterval);
  }
}

void Database::RunGroup(absl::Span<WaitingWrite* const> group) {
  const absl::StatusOr<ConnectionPool::Lease> connection = writers_.Take();
  if (!connection.ok()) {
    for (WaitingWrite* write : group) {
      write->status = connection.status();
      write->may_retry = MayRetry(write->status);
    }
    return;
  }
  if (group.size() == 1 || !RunTogether(**connection, group)) {
    for (WaitingWrite* write : group) {
      write->may_retry = false;
      write->status = RunOn(**connection, write->mode, write->body, write->may_retry);
      if ((*connection)->write_failed()) ReportFailure(write->status);
    }
  }
}

// Nothing is answered before the commit: what a body saw of the others before it would be wrong if
// the commit failed. Then each runs again, alone.
bool Database::RunTogether(Connection& connection, absl::Span<WaitingWrite* const> group) {
  const bool durable = std::any_of(group.begin(), group.end(), [](const WaitingWrite* write) {
    return write->mode != TransactionMode::kUnflushedWrite;
  });
  const absl::Status begun =
      connection.Begin(durable ? TransactionMode::kWrite : TransactionMode::kUnflushedWrite);
  if (!begun.ok()) {
    // Each would meet the same lock.
    for (WaitingWrite* write : group) {
      write->status = begun;
      write->may_retry = MayRetry(begun);
    }
    return true;
  }
  const absl::Cleanup rollback = [&] { connection.Rollback(); };
  for (WaitingWrite* write : group) {
    Transaction savepoint(*engine_, connection);
    savepoint.Execute("SAVEPOINT body");
    Transaction transaction(*engine_, connection);
    write->status = write->body(transaction);
    if (!transaction.status().ok()) {
      write->status = transaction.status();
      if (!ConcernsOneBody(write->status)) return false;
    }
    if (!write->status.ok()) savepoint.Execute("ROLLBACK TO SAVEPOINT body");
    savepoint.Execute("RELEASE SAVEPOINT body");
    if (!savepoint.status().ok() || !connection.in_transaction()) return false;
  }
  return connection.Commit().ok();
}

void Database::ReportFailure(const absl::Status& status) {
  std::lock_guard lock(failure_mutex_);
  if (std::exchange(failure_reported_, true)) return;
  base::LogError("the database failed to flush its file: no more writes until a restart",
                 {{"database", name()}, {"error", status.message()}});
  if (on_failure_) on_failure_();
}

void Database::OnFailure(std::function<void()> callback) {
  std::lock_guard lock(failure_mutex_);
  on_failure_ = std::move(callback);
  if (failure_reported_ && on_failure_) on_failure_();
}

}  // namespace registry::controlplane
