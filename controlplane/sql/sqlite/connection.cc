#include "controlplane/sql/sqlite/connection.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/utf8.h"

namespace registry::controlplane {
namespace {

// Creates the file with mode 0600, because it holds signing keys; SQLite would make it readable by
// all. Its WAL file gets the same mode. Does not open an existing file: closing it would drop the
// locks that SQLite holds on it in this process, and the next program that opens the file would
// delete its WAL.
absl::Status CreateFile(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd >= 0) {
    close(fd);
    return absl::OkStatus();
  }
  if (errno == EEXIST) return absl::OkStatus();
  const int error = errno;
  const std::string message =
      absl::StrCat("cannot open the database ", path, ": ", std::strerror(error));
  if (error == ENOSPC || error == EDQUOT) return absl::ResourceExhaustedError(message);
  return absl::UnavailableError(
      absl::StrCat(message, "; its folder must exist and be writable by this user"));
}

// About 4 MB, as SQLite's own default.
constexpr int kCheckpointPages = 1000;

absl::string_view Shorten(absl::string_view sql) { return sql.substr(0, 60); }

}  // namespace

bool SqliteRow::Check(int column, int type) const {
  if (column < sqlite3_column_count(statement_) &&
      sqlite3_column_type(statement_, column) == type) {
    return true;
  }
  status_.Update(absl::InternalError(absl::StrCat("column ", column, " of \"",
                                                  Shorten(sqlite3_sql(statement_)),
                                                  "…\" is not of the requested type")));
  return false;
}

int64_t SqliteRow::Int(int column) const {
  return Check(column, SQLITE_INTEGER) ? sqlite3_column_int64(statement_, column) : 0;
}

absl::string_view SqliteRow::Text(int column) const {
  if (!Check(column, SQLITE_TEXT)) return "";
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return absl::string_view(data, sqlite3_column_bytes(statement_, column));
}

absl::string_view SqliteRow::Bytes(int column) const {
  if (!Check(column, SQLITE_BLOB)) return "";
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  return absl::string_view(data, sqlite3_column_bytes(statement_, column));
}

bool SqliteRow::IsNull(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

absl::StatusOr<std::unique_ptr<SqliteConnection>> SqliteConnection::Open(
    const SqliteConnectionOptions& options) {
  if (absl::Status status = CreateFile(options.path); !status.ok()) return status;
  sqlite3* db = nullptr;
  const int result = sqlite3_open_v2(
      options.path.c_str(), &db,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
      nullptr);
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection(options.path, db));
  if (db == nullptr) return absl::UnavailableError("out of memory for a database connection");
  if (result != SQLITE_OK) return connection->Error(result, "open");
  if (absl::Status status = connection->Configure(options); !status.ok()) return status;
  return connection;
}

absl::Status SqliteConnection::Configure(const SqliteConnectionOptions& options) {
  sqlite3_busy_timeout(db_.get(), static_cast<int>(options.busy_timeout.count()));
  std::string journal_mode;
  absl::Status status = Run("PRAGMA journal_mode = WAL", {}, [&](const Row& row) {
                          journal_mode = std::string(row.Text(0));
                          return true;
                        }).status();
  if (!status.ok()) return status;
  if (journal_mode != "wal") {
    return absl::FailedPreconditionError(
        absl::StrCat("the database ", path_, " cannot use a write-ahead log (journal mode is ",
                     journal_mode, "): put the data folder on a local file system"));
  }
  status.Update(SetSynchronous(true));
  status.Update(Run("PRAGMA foreign_keys = ON"));
  // Checkpoint does this instead, and sees errors.
  status.Update(Run("PRAGMA wal_autocheckpoint = 0"));
  sqlite3_wal_hook(
      db_.get(),
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<SqliteConnection*>(self)->wal_pages_ = pages;
        return SQLITE_OK;
      },
      this);
  // Truncates the log after a long read made it grow.
  status.Update(Run("PRAGMA journal_size_limit = 67108864"));
  if (options.max_pages > 0) {
    status.Update(Run(absl::StrCat("PRAGMA max_page_count = ", options.max_pages)));
  }
  if (options.read_only) status.Update(Run("PRAGMA query_only = ON"));
  statements_.clear();
  return status;
}

absl::StatusOr<sqlite3_stmt*> SqliteConnection::Prepare(absl::string_view sql) {
  const auto found = statements_.find(sql);
  if (found != statements_.end()) {
    if (sqlite3_stmt_busy(found->second.get()) != 0) {
      return absl::InternalError(
          absl::StrCat("\"", Shorten(sql), "…\" ran again while its rows are being read"));
    }
    return found->second.get();
  }
  sqlite3_stmt* statement = nullptr;
  const char* tail = nullptr;
  const int result = sqlite3_prepare_v3(db_.get(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, &tail);
  StatementPtr owned(statement);
  if (result != SQLITE_OK) return Error(result, sql);
  if (statement == nullptr || tail != sql.data() + sql.size()) {
    return absl::InternalError(absl::StrCat("not exactly one statement: ", sql));
  }
  // A statement that is being read stays valid: only idle ones are evicted.
  if (statements_.size() >= base::kSqlStatements) {
    std::erase_if(statements_,
                  [](const auto& entry) { return sqlite3_stmt_busy(entry.second.get()) == 0; });
  }
  statements_.emplace(std::string(sql), std::move(owned));
  return statement;
}

absl::Status SqliteConnection::Bind(sqlite3_stmt* statement, absl::string_view sql,
                                    absl::Span<const Value> values) {
  if (sqlite3_bind_parameter_count(statement) != static_cast<int>(values.size())) {
    return absl::InternalError(absl::StrCat("wrong number of values for: ", sql));
  }
  for (size_t i = 0; i < values.size(); ++i) {
    const int index = static_cast<int>(i) + 1;
    const Value::Variant& value = values[i].variant();
    int result = SQLITE_OK;
    if (const auto* number = std::get_if<int64_t>(&value)) {
      result = sqlite3_bind_int64(statement, index, *number);
    } else if (const auto* text = std::get_if<absl::string_view>(&value)) {
      if (!base::IsUtf8Text(*text)) {
        return absl::InvalidArgumentError("text must be valid UTF-8 without NUL characters");
      }
      // A null pointer would bind NULL.
      result = sqlite3_bind_text64(statement, index, text->empty() ? "" : text->data(),
                                   text->size(), SQLITE_STATIC, SQLITE_UTF8);
    } else if (const auto* bytes = std::get_if<Value::Bytes>(&value)) {
      result = sqlite3_bind_blob64(statement, index, bytes->data.empty() ? "" : bytes->data.data(),
                                   bytes->data.size(), SQLITE_STATIC);
    } else {
      result = sqlite3_bind_null(statement, index);
    }
    if (result != SQLITE_OK) return Error(result, sql);
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> SqliteConnection::Run(absl::string_view sql, absl::Span<const Value> values,
                                              absl::FunctionRef<bool(const Row&)> on_row) {
  absl::StatusOr<sqlite3_stmt*> prepared = Prepare(sql);
  if (!prepared.ok()) return prepared.status();
  sqlite3_stmt* statement = *prepared;
  // The statement must not refer to the values after this call.
  const absl::Cleanup reset = [statement] {
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
  };
  if (absl::Status status = Bind(statement, sql, values); !status.ok()) return status;
  while (true) {
    const int result = sqlite3_step(statement);
    if (result == SQLITE_DONE) break;
    if (result != SQLITE_ROW) return Error(result, sql);
    const SqliteRow row(statement);
    const bool next = on_row(row);
    if (!row.status().ok()) return row.status();
    if (!next) break;
  }
  return sqlite3_changes64(db_.get());
}

absl::Status SqliteConnection::Run(absl::string_view sql) {
  return Run(sql, {}, [](const Row&) { return true; }).status();
}

// Not a prepared statement: SQLite applies it when it compiles it.
absl::Status SqliteConnection::SetSynchronous(bool full) {
  const char* sql = full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL";
  const int result = sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr);
  if (result != SQLITE_OK) return Error(result, sql);
  synchronous_full_ = full;
  return absl::OkStatus();
}

absl::Status SqliteConnection::Begin(TransactionMode mode) {
  if (mode == TransactionMode::kRead) return Run("BEGIN");
  if (sync_failed_) {
    return absl::UnavailableError(
        absl::StrCat("the database ", path_,
                     " accepts no writes since it failed to flush its file: check the "
                     "disk, then restart the registry"));
  }
  const bool full = mode != TransactionMode::kUnflushedWrite;
  if (full != synchronous_full_) {
    if (absl::Status status = SetSynchronous(full); !status.ok()) return status;
  }
  // IMMEDIATE, because a transaction that reads first and then writes would fail, without waiting,
  // if another process wrote in between.
  return Run("BEGIN IMMEDIATE");
}

absl::Status SqliteConnection::Commit() {
  if (absl::Status status = Run("COMMIT"); !status.ok()) return status;
  // The transaction is durable even if this fails.
  if (const absl::Status checkpoint = Checkpoint(); !checkpoint.ok()) {
    base::LogError("cannot checkpoint the database's write-ahead log",
                   {{"error", checkpoint.message()}});
  }
  return absl::OkStatus();
}

absl::Status SqliteConnection::Checkpoint() {
  if (wal_pages_ < kCheckpointPages || sync_failed_) return absl::OkStatus();
  const int result =
      sqlite3_wal_checkpoint_v2(db_.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  // A reader still uses an older state; the next commit tries again.
  if (result == SQLITE_OK || (result & 0xff) == SQLITE_BUSY) return absl::OkStatus();
  return Error(result, "checkpoint");
}

void SqliteConnection::Rollback() {
  // Some errors have already ended the transaction.
  if (!in_transaction()) return;
  // If the rollback fails, reopening the file rolls back: nothing was committed.
  if (!Run("ROLLBACK").ok()) sync_failed_ = true;
}

absl::Status SqliteConnection::Error(int result, absl::string_view sql) {
  const int system_error = sqlite3_system_errno(db_.get());
  std::string message =
      absl::StrCat("database ", path_, ": ", sqlite3_errmsg(db_.get()), " (", Shorten(sql), ")");
  const int kind = result & 0xff;
  if (system_error != 0 && (kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN)) {
    absl::StrAppend(&message, ": ", std::strerror(system_error));
  }
  if (result == SQLITE_IOERR_FSYNC || result == SQLITE_IOERR_DIR_FSYNC) {
    sync_failed_ = true;
    // A later fsync of the same pages may succeed without writing them: keep the log.
    sqlite3_db_config(db_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  }
  switch (kind) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::AbortedError(absl::StrCat(message, "; another process holds a lock on it"));
    case SQLITE_FULL:
      return absl::ResourceExhaustedError(absl::StrCat(message, "; free space on the disk"));
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::DataLossError(
          absl::StrCat(message, "; the file is damaged: restore it from a backup"));
    case SQLITE_IOERR:
      if (system_error == ENOSPC || system_error == EDQUOT) {
        return absl::ResourceExhaustedError(absl::StrCat(message, "; free space on the disk"));
      }
      [[fallthrough]];
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return absl::UnavailableError(
          absl::StrCat(message, "; the file and its folder must be readable and writable"));
    case SQLITE_NOMEM:
      return absl::UnavailableError(message);
    default:
      return absl::InternalError(message);
  }
}

}  // namespace registry::controlplane
