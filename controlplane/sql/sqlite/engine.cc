#include "controlplane/sql/sqlite/engine.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "controlplane/clock.h"
#include "controlplane/sql/sqlite/connection.h"
#include "controlplane/sql/sqlite/migrations.h"
#include "controlplane/sql/transaction.h"

namespace registry::controlplane {

absl::StatusOr<std::unique_ptr<Connection>> SqliteEngine::Connect(bool read_only) {
  return SqliteConnection::Open({.path = options_.path,
                                 .busy_timeout = options_.busy_timeout,
                                 .read_only = read_only,
                                 .max_pages = options_.max_pages});
}

const std::vector<Migration>& SqliteEngine::migrations() const { return SqliteMigrations(); }

// Must be fast for any size: of a large file, it reads only what the migrations need, and
// statements find damage elsewhere when they read it (SQLite itself notices a truncated file).
absl::Status SqliteEngine::PrepareMigration(Transaction& t) {
  const bool ours = t.Exists("SELECT 1 FROM sqlite_master WHERE name = 'schema_migrations'", {});
  if (!ours && t.Exists("SELECT 1 FROM sqlite_master", {})) {
    return absl::FailedPreconditionError(
        absl::StrCat("the database ", name(),
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
    return absl::DataLossError(absl::StrCat("the database ", name(), " is damaged (", *found,
                                            "): restore it from a backup"));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> SqliteEngine::WasCommitted(const std::string&) {
  return absl::InternalError("SQLite always knows what it committed");
}

int64_t SqliteEngine::NowMs() const { return SystemNowMs(); }

}  // namespace registry::controlplane
