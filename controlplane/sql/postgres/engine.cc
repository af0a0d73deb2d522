#include "controlplane/sql/postgres/engine.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "controlplane/clock.h"
#include "controlplane/sql/postgres/connection.h"
#include "controlplane/sql/postgres/libpq.h"
#include "controlplane/sql/postgres/migrations.h"
#include "controlplane/sql/transaction.h"

namespace registry::controlplane {
namespace {

// "simple-r" in ASCII: the key of the lock that migrations take.
constexpr int64_t kMigrationLock = 0x73696d706c652d72;

constexpr absl::string_view kTables =
    "SELECT 1 FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
    "WHERE n.nspname = current_schema() AND c.relkind = 'r'";

int64_t SteadyNowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// The URL without its password and parameters.
std::string NameOf(const PQconninfoOption* options) {
  std::string user;
  std::vector<std::string> hosts;
  std::vector<std::string> ports;
  std::string database;
  for (const PQconninfoOption* option = options; option->keyword != nullptr; ++option) {
    const absl::string_view keyword = option->keyword;
    const absl::string_view value = option->val == nullptr ? "" : option->val;
    if (value.empty()) continue;
    if (keyword == "user") user = absl::StrCat(value, "@");
    if (keyword == "host") hosts = absl::StrSplit(value, ',');
    if (keyword == "port") ports = absl::StrSplit(value, ',');
    if (keyword == "dbname") database = std::string(value);
  }
  for (size_t i = 0; i < hosts.size() && !ports.empty(); ++i) {
    absl::StrAppend(&hosts[i], ":", ports[std::min(i, ports.size() - 1)]);
  }
  std::string name = absl::StrCat("postgresql://", user);
  for (size_t i = 0; i < hosts.size(); ++i) absl::StrAppend(&name, i == 0 ? "" : ",", hosts[i]);
  return absl::StrCat(name, "/", database);
}

absl::StatusOr<std::string> ParseName(const std::string& url) {
  if (absl::Status status = LoadLibpq(); !status.ok()) return status;
  char* error = nullptr;
  PQconninfoOption* parsed = libpq().PQconninfoParse(url.c_str(), &error);
  const absl::Cleanup free = [&] {
    libpq().PQconninfoFree(parsed);
    libpq().PQfreemem(error);
  };
  // libpq's message may repeat the URL, with its password.
  if (!IsPostgresUrl(url) || parsed == nullptr) {
    return absl::InvalidArgumentError(
        "the database's URL is malformed: write postgresql://USER@HOST:PORT/DATABASE, with special "
        "characters of the password as %XX");
  }
  return NameOf(parsed);
}

}  // namespace

bool IsPostgresUrl(absl::string_view location) {
  return absl::StartsWith(location, "postgresql://") || absl::StartsWith(location, "postgres://");
}

int64_t PostgresClock::NowMs() const { return SteadyNowMs() + offset_ms_; }

bool PostgresClock::IsStale() const {
  constexpr int64_t kFreshMs = 1000;
  const int64_t set_at_ms = set_at_ms_;
  return set_at_ms == INT64_MIN || SteadyNowMs() - set_at_ms > kFreshMs;
}

void PostgresClock::Set(int64_t now_ms) {
  const int64_t steady_ms = SteadyNowMs();
  offset_ms_ = now_ms - steady_ms;
  set_at_ms_ = steady_ms;
}

absl::Status CheckDatabaseUrl(const std::string& url) { return ParseName(url).status(); }

absl::StatusOr<std::unique_ptr<PostgresEngine>> PostgresEngine::Create(PostgresOptions options) {
  absl::StatusOr<std::string> parsed = ParseName(options.url);
  if (!parsed.ok()) return parsed.status();
  std::string name = *std::move(parsed);
  return std::unique_ptr<PostgresEngine>(new PostgresEngine(std::move(options), std::move(name)));
}

absl::StatusOr<std::unique_ptr<Connection>> PostgresEngine::Connect(bool read_only) {
  return PostgresConnection::Open(options_.url, name_, read_only, clock_);
}

const std::vector<Migration>& PostgresEngine::migrations() const { return PostgresMigrations(); }

absl::Status PostgresEngine::PrepareMigration(Transaction& t) {
  t.Exists("SELECT pg_advisory_xact_lock(?1)", {kMigrationLock});
  const bool empty = !t.Exists(absl::StrCat(kTables, " LIMIT 1"), {});
  // Other programs have tables named schema_migrations too.
  const bool ours = t.Exists(absl::StrCat(kTables, " AND c.relname = 'schema_migrations'"), {}) &&
                    t.Exists(absl::StrCat(kTables, " AND c.relname = 'manifest_bytes'"), {});
  if (!t.status().ok() || empty || ours) return t.status();
  return absl::FailedPreconditionError(
      absl::StrCat("the database ", name_,
                   " belongs to another program: it has tables, but not those of Simple Registry; "
                   "create a database for the registry and name that one"));
}

absl::StatusOr<bool> PostgresEngine::WasCommitted(const std::string& commit_id) {
  absl::StatusOr<std::unique_ptr<Connection>> connection = Connect(/*read_only=*/false);
  if (!connection.ok()) return connection.status();
  // The very first migration makes the table. Whoever lost it waits for its end, and looks.
  bool exists = false;
  absl::Status status = (*connection)->Begin(TransactionMode::kPoll);
  if (status.ok()) {
    Transaction t(*this, **connection);
    t.Exists("SELECT pg_advisory_xact_lock(?1)", {kMigrationLock});
    exists = t.Exists(absl::StrCat(kTables, " AND c.relname = 'commits'"), {});
    status = t.status();
    (*connection)->Rollback();
  }
  if (!status.ok()) return status;
  if (!exists) return false;
  const absl::StatusOr<int64_t> inserted =
      (*connection)
          ->Run("INSERT INTO commits (id) VALUES (CAST(?1 AS UUID)) ON CONFLICT (id) DO NOTHING",
                {commit_id}, [](const Row&) { return true; });
  if (!inserted.ok()) return inserted.status();
  return *inserted == 0;
}

}  // namespace registry::controlplane
