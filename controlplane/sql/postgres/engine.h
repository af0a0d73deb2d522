// PostgreSQL, or what speaks its wire protocol and gives SERIALIZABLE.
//
// Writes run SERIALIZABLE, reads in one snapshot outside it, polls READ COMMITTED. Each transaction
// that writes also inserts an id of its own into `commits`: whoever loses the connection during
// COMMIT inserts the same id, which either finds it there, or keeps the lost transaction from
// committing.
#ifndef REGISTRY_CONTROLPLANE_SQL_POSTGRES_ENGINE_H_
#define REGISTRY_CONTROLPLANE_SQL_POSTGRES_ENGINE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/limits.h"
#include "controlplane/sql/engine.h"

namespace registry::controlplane {

struct PostgresOptions {
  // postgresql://USER:PASSWORD@HOST:PORT/DATABASE?PARAMETER=…, as libpq reads it (PostgreSQL
  // manual, "Connection URIs").
  std::string url;
  // Connections that write, and as many that read.
  size_t connections = base::kPostgresConnections;
  // Attempts of a transaction that meets others.
  int max_attempts = base::kPostgresAttempts;
};

// Whether `location` is for this engine.
bool IsPostgresUrl(absl::string_view location);

// Error: INVALID_ARGUMENT, without the URL, which may hold a password; FAILED_PRECONDITION if libpq
// is not installed.
absl::Status CheckDatabaseUrl(const std::string& url);

// The database's clock, as of the last answer.
class PostgresClock {
 public:
  int64_t NowMs() const;
  // Whether it was set long ago.
  bool IsStale() const;
  void Set(int64_t now_ms);

 private:
  // Of the database's clock from the process's steady clock.
  std::atomic<int64_t> offset_ms_{0};
  std::atomic<int64_t> set_at_ms_{INT64_MIN};
};

class PostgresEngine final : public Engine {
 public:
  // Does not connect yet. Error: INVALID_ARGUMENT if the URL is malformed.
  static absl::StatusOr<std::unique_ptr<PostgresEngine>> Create(PostgresOptions options);

  const std::string& name() const override { return name_; }
  absl::StatusOr<std::unique_ptr<Connection>> Connect(bool read_only) override;
  size_t readers() const override { return options_.connections; }
  size_t writers() const override { return options_.connections; }
  int max_attempts() const override { return options_.max_attempts; }
  absl::Status PrepareMigration(Transaction& t) override;
  const std::vector<Migration>& migrations() const override;
  absl::StatusOr<bool> WasCommitted(const std::string& commit_id) override;
  int64_t NowMs() const override { return clock_.NowMs(); }
  absl::string_view skip_locked() const override { return " FOR UPDATE SKIP LOCKED"; }

 private:
  PostgresEngine(PostgresOptions options, std::string name)
      : options_(std::move(options)), name_(std::move(name)) {}

  const PostgresOptions options_;
  const std::string name_;
  PostgresClock clock_;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_SQL_POSTGRES_ENGINE_H_
