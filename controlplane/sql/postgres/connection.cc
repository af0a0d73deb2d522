#include "controlplane/sql/postgres/connection.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/log.h"
#include "controlplane/clock.h"
#include "controlplane/sql/postgres/engine.h"
#include "controlplane/sql/postgres/values.h"

namespace registry::controlplane {
namespace {

constexpr absl::string_view kClock =
    "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)";

// The server ends statements earlier; this is for servers that no longer answer.
constexpr std::chrono::seconds kAnswerTime =
    base::kPostgresStatementTime + std::chrono::seconds(10);

absl::string_view Shorten(absl::string_view sql) { return sql.substr(0, 60); }

std::string FirstLine(const char* message) {
  const absl::string_view text = message == nullptr ? "" : message;
  return std::string(absl::StripAsciiWhitespace(text.substr(0, text.find('\n'))));
}

// ?1 → $1. Statements of this program have no other question marks.
std::string WithDollars(absl::string_view sql) {
  std::string text(sql);
  std::replace(text.begin(), text.end(), '?', '$');
  return text;
}

}  // namespace

absl::StatusOr<std::unique_ptr<PostgresConnection>> PostgresConnection::Open(
    const std::string& url, const std::string& name, bool read_only, PostgresClock& clock) {
  const std::string connect_timeout = absl::StrCat(base::kPostgresConnectTime.count());
  // The URL may name others.
  const std::pair<const char*, const char*> parameters[] = {
      {"connect_timeout", connect_timeout.c_str()},
      {"application_name", "simple-registry"},
      {"keepalives_idle", "10"},
      {"keepalives_interval", "5"},
      {"keepalives_count", "3"},
      {"dbname", url.c_str()},
      {"client_encoding", "UTF8"}};
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  for (const auto& [keyword, value] : parameters) {
    keywords.push_back(keyword);
    values.push_back(value);
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  PGconn* raw = libpq().PQconnectdbParams(keywords.data(), values.data(), /*expand_dbname=*/1);
  std::unique_ptr<PostgresConnection> connection(new PostgresConnection(raw, name, clock));
  if (raw == nullptr) return absl::UnavailableError("out of memory for a database connection");
  if (libpq().PQstatus(raw) != CONNECTION_OK) {
    // It may be restarting.
    return absl::AbortedError(absl::StrCat("cannot connect to the database ", name, ": ",
                                           FirstLine(libpq().PQerrorMessage(raw))));
  }
  if (absl::Status status = connection->Configure(read_only); !status.ok()) return status;
  return connection;
}

absl::Status PostgresConnection::Configure(bool read_only) {
  libpq().PQsetNoticeProcessor(
      connection_.get(), [](void*, const char*) {}, nullptr);
  if (libpq().PQsetnonblocking(connection_.get(), 1) != 0) return Lost("connect");
  const char* encoding = libpq().PQparameterStatus(connection_.get(), "server_encoding");
  if (encoding == nullptr || absl::string_view(encoding) != "UTF8") {
    return absl::FailedPreconditionError(absl::StrCat("the database ", name_, " has the encoding ",
                                                      encoding == nullptr ? "(unknown)" : encoding,
                                                      ": create one with ENCODING 'UTF8'"));
  }
  const auto ms = [](std::chrono::milliseconds time) { return time.count(); };
  // Without sequential scans, a transaction conflicts only with those that touch its rows, not with
  // all that touch a small table.
  return RunText(absl::StrCat(
      "SET client_min_messages = error; SET enable_seqscan = off; ", "SET statement_timeout = ",
      ms(base::kPostgresStatementTime), "; SET lock_timeout = ", ms(base::kPostgresLockTime),
      "; SET idle_in_transaction_session_timeout = ", ms(2 * base::kPostgresStatementTime), "; ",
      read_only ? "SET default_transaction_read_only = on; " : "", kClock));
}

absl::Status PostgresConnection::Begin(TransactionMode mode) {
  std::string sql;
  writes_ = mode != TransactionMode::kRead;
  switch (mode) {
    case TransactionMode::kRead:
      sql = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
      break;
    case TransactionMode::kWrite:
      sql = "BEGIN ISOLATION LEVEL SERIALIZABLE";
      break;
    case TransactionMode::kUnflushedWrite:
      sql = "BEGIN ISOLATION LEVEL SERIALIZABLE; SET LOCAL synchronous_commit = off";
      break;
    case TransactionMode::kPoll:
      sql = "BEGIN ISOLATION LEVEL READ COMMITTED";
      break;
  }
  if (clock_.IsStale()) absl::StrAppend(&sql, "; ", kClock);
  return RunText(sql);
}

absl::Status PostgresConnection::RunText(const std::string& sql) {
  const Deadline deadline = std::chrono::steady_clock::now() + kAnswerTime;
  if (libpq().PQsendQuery(connection_.get(), sql.c_str()) != 1) return Lost(sql);
  absl::Status status;
  while (true) {
    const absl::StatusOr<ResultPtr> result = NextResult(deadline);
    if (!result.ok()) return result.status();
    if (*result == nullptr) return status;
    switch (libpq().PQresultStatus(result->get())) {
      case PGRES_COMMAND_OK:
        // The server says so if the transaction failed before.
        if (absl::string_view(libpq().PQcmdStatus(result->get())) == "ROLLBACK" &&
            sql != "ROLLBACK") {
          status.Update(absl::InternalError(
              absl::StrCat("database ", name_, ": a failed transaction was to be committed")));
        }
        break;
      case PGRES_TUPLES_OK:
        if (int64_t now_ms = 0;
            libpq().PQntuples(result->get()) == 1 &&
            absl::SimpleAtoi(libpq().PQgetvalue(result->get(), 0, 0), &now_ms)) {
          clock_.Set(now_ms);
        }
        break;
      default:
        status.Update(Error(result->get(), sql));
    }
  }
}

absl::StatusOr<std::string> PostgresConnection::Prepare(absl::string_view sql,
                                                        absl::Span<const Value> values) {
  std::vector<Oid> types;
  std::string key(sql);
  for (const Value& value : values) {
    types.push_back(PostgresTypeOf(value));
    absl::StrAppend(&key, "|", types.back());
  }
  if (const auto found = statements_.find(key); found != statements_.end()) return found->second;
  if (statements_.size() >= base::kSqlStatements) {
    statements_.clear();
    if (absl::Status status = RunText("DEALLOCATE ALL"); !status.ok()) return status;
  }
  const Deadline deadline = std::chrono::steady_clock::now() + kAnswerTime;
  std::string name = absl::StrCat("s", ++prepared_);
  if (libpq().PQsendPrepare(connection_.get(), name.c_str(), WithDollars(sql).c_str(),
                            static_cast<int>(types.size()), types.data()) != 1) {
    return Lost(sql);
  }
  absl::Status status;
  while (true) {
    const absl::StatusOr<ResultPtr> result = NextResult(deadline);
    if (!result.ok()) return result.status();
    if (*result == nullptr) break;
    if (libpq().PQresultStatus(result->get()) != PGRES_COMMAND_OK)
      status.Update(Error(result->get(), sql));
  }
  if (!status.ok()) return status;
  statements_.emplace(std::move(key), name);
  return name;
}

absl::StatusOr<int64_t> PostgresConnection::Run(absl::string_view sql,
                                                absl::Span<const Value> values,
                                                absl::FunctionRef<bool(const Row&)> on_row) {
  if (absl::Status status = CheckPostgresText(values); !status.ok()) return status;
  const absl::StatusOr<std::string> statement = Prepare(sql, values);
  if (!statement.ok()) return statement.status();
  const Deadline deadline = std::chrono::steady_clock::now() + kAnswerTime;
  const PostgresParameters parameters(values);
  if (libpq().PQsendQueryPrepared(connection_.get(), statement->c_str(), parameters.size(),
                                  parameters.data(), parameters.lengths(), parameters.formats(),
                                  kPostgresBinary) != 1) {
    return Lost(sql);
  }
  // So that one row at a time is in memory.
  libpq().PQsetSingleRowMode(connection_.get());
  absl::Status status;
  int64_t changed = 0;
  bool more = true;
  while (true) {
    const absl::StatusOr<ResultPtr> result = NextResult(deadline);
    if (!result.ok()) return result.status();
    if (*result == nullptr) break;
    switch (libpq().PQresultStatus(result->get())) {
      case PGRES_SINGLE_TUPLE:
        if (more) {
          const PostgresRow row(result->get(), sql);
          more = on_row(row) && row.status().ok();
          status.Update(row.status());
        }
        break;
      case PGRES_COMMAND_OK:
      case PGRES_TUPLES_OK:
        // Empty for statements that change no rows.
        if (!absl::SimpleAtoi(libpq().PQcmdTuples(result->get()), &changed)) changed = 0;
        break;
      default:
        status.Update(Error(result->get(), sql));
    }
  }
  if (!status.ok()) return status;
  return changed;
}

absl::StatusOr<PostgresConnection::ResultPtr> PostgresConnection::NextResult(Deadline deadline) {
  PGconn* const connection = connection_.get();
  while (true) {
    const int unsent = libpq().PQflush(connection);
    if (unsent < 0) return Lost("send");
    if (unsent == 0 && libpq().PQisBusy(connection) == 0) break;
    pollfd socket = {.fd = libpq().PQsocket(connection), .events = POLLIN, .revents = 0};
    if (unsent > 0) socket.events |= POLLOUT;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    const int ready = left.count() <= 0 ? 0 : poll(&socket, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) {
      lost_ = true;
      return absl::UnavailableError(absl::StrCat("the database ", name_, " has not answered for ",
                                                 kAnswerTime.count(), " s"));
    }
    if (libpq().PQconsumeInput(connection) != 1) return Lost("receive");
  }
  ResultPtr result(libpq().PQgetResult(connection));
  // A broken connection ends with a result that says so.
  if (libpq().PQstatus(connection) == CONNECTION_BAD) return Lost("receive");
  return result;
}

absl::Status PostgresConnection::Commit() {
  commit_id_ = base::NewUuid7();
  // One message, so it takes no longer than COMMIT alone.
  const std::string sql =
      writes_ ? absl::StrCat("INSERT INTO commits (id) VALUES ('", commit_id_, "'); COMMIT")
              : "COMMIT";
  absl::Status status = RunText(sql);
  if (status.ok()) {
    ForgetOldCommits();
    return status;
  }
  if (!writes_ || !lost_) return status;
  return absl::UnknownError(status.message());
}

void PostgresConnection::ForgetOldCommits() {
  constexpr int kInterval = 1000;
  if (!writes_ || ++commits_ < kInterval) return;
  commits_ = 0;
  // The first id of that time: UUIDs of version 7 begin with it.
  const int64_t before_ms = SystemNowMs() - ToMs(base::kPostgresCommitsKept);
  const std::string first =
      absl::StrFormat("%08x-%04x-7000-8000-000000000000", before_ms >> 16, before_ms & 0xffff);
  const absl::Status status =
      Run("DELETE FROM commits WHERE id IN ("
          "SELECT id FROM commits WHERE id < CAST(?1 AS UUID) ORDER BY id LIMIT ?2)",
          {first, 2 * kInterval}, [](const Row&) { return true; })
          .status();
  if (!status.ok()) {
    base::LogWarning("cannot delete old rows of the table commits; trying again later",
                     {{"error", status.message()}});
  }
}

void PostgresConnection::Rollback() {
  if (!in_transaction()) return;
  if (!RunText("ROLLBACK").ok()) lost_ = true;
}

bool PostgresConnection::in_transaction() const {
  const PGTransactionStatusType status = libpq().PQtransactionStatus(connection_.get());
  return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

bool PostgresConnection::usable() const {
  return !lost_ && libpq().PQtransactionStatus(connection_.get()) == PQTRANS_IDLE;
}

absl::Status PostgresConnection::Lost(absl::string_view sql) {
  lost_ = true;
  return absl::AbortedError(
      absl::StrCat("lost the connection to the database ", name_, " (", Shorten(sql),
                   "): ", FirstLine(libpq().PQerrorMessage(connection_.get()))));
}

// Codes: PostgreSQL manual, "PostgreSQL Error Codes".
absl::Status PostgresConnection::Error(const PGresult* result, absl::string_view sql) {
  const char* field = libpq().PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const absl::string_view code = field == nullptr ? "" : field;
  const std::string message =
      absl::StrCat("database ", name_, ": ",
                   FirstLine(libpq().PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)), " (",
                   code, ", ", Shorten(sql), ")");
  const absl::string_view group = code.substr(0, 2);
  // Conflicts: serialization, deadlock, a lock held for too long.
  if (code == "40001" || code == "40P01" || code == "55P03") return absl::AbortedError(message);
  // A constraint: perhaps another transaction has just inserted or deleted the row.
  if (group == "23") return absl::AlreadyExistsError(message);
  // The server stops, starts or fails over, or cannot take more connections.
  if ((group == "08" && code != "08P01") || code == "57P01" || code == "57P02" || code == "57P03" ||
      code == "53300" || (code == "25006" && writes_)) {
    lost_ = true;
    return absl::AbortedError(message);
  }
  // A plan that a migration made stale.
  if (code == "0A000") {
    lost_ = true;
    return absl::AbortedError(message);
  }
  if (code == "53100") {
    return absl::ResourceExhaustedError(
        absl::StrCat(message, "; free space on the database's disk"));
  }
  if (code == "57014") {
    return absl::UnavailableError(absl::StrCat(message, "; the database is slow or blocked"));
  }
  if (group == "53" || group == "58") return absl::UnavailableError(message);
  if (group == "XX") return absl::DataLossError(message);
  if (group == "28" || code == "42501") return absl::FailedPreconditionError(message);
  return absl::InternalError(message);
}

}  // namespace registry::controlplane
