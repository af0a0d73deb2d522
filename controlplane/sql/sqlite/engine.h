// SQLite: a file, embedded. One connection writes, several read; none waits for another.
//
// A write-ahead log; commits are flushed. After a failed flush it accepts no writes until the file
// is opened again, because a later flush may succeed without having written the data.
#ifndef REGISTRY_CONTROLPLANE_SQL_SQLITE_ENGINE_H_
#define REGISTRY_CONTROLPLANE_SQL_SQLITE_ENGINE_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/limits.h"
#include "controlplane/sql/engine.h"

namespace registry::controlplane {

struct SqliteOptions {
  // Created if missing; its folder must exist.
  std::string path;
  // Concurrent read transactions; further ones wait.
  size_t readers = base::kSqlThreads;
  // Time that an attempt waits for a lock held by another process.
  std::chrono::milliseconds busy_timeout = base::kSqlBusyTimeout;
  // Attempts per transaction if another process holds the lock.
  int max_attempts = base::kSqlAttempts;
  // Size limit in pages of 4096 bytes; 0: limited only by the disk.
  int64_t max_pages = 0;
  // Opening checks files up to this size completely.
  int64_t quick_check_max_bytes = base::kSqlQuickCheckBytes;
};

class SqliteEngine final : public Engine {
 public:
  explicit SqliteEngine(SqliteOptions options) : options_(std::move(options)) {}

  const std::string& name() const override { return options_.path; }
  absl::StatusOr<std::unique_ptr<Connection>> Connect(bool read_only) override;
  size_t readers() const override { return options_.readers; }
  size_t writers() const override { return 1; }
  int max_attempts() const override { return options_.max_attempts; }
  absl::Status PrepareMigration(Transaction& t) override;
  const std::vector<Migration>& migrations() const override;
  absl::StatusOr<bool> WasCommitted(const std::string& commit_id) override;
  int64_t NowMs() const override;

 private:
  const SqliteOptions options_;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_SQL_SQLITE_ENGINE_H_
