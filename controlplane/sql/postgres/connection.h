// A connection to PostgreSQL, by libpq. No call waits longer than the limits in base/limits.h.
#ifndef REGISTRY_CONTROLPLANE_SQL_POSTGRES_CONNECTION_H_
#define REGISTRY_CONTROLPLANE_SQL_POSTGRES_CONNECTION_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "controlplane/sql/engine.h"
#include "controlplane/sql/postgres/libpq.h"

namespace registry::controlplane {

class PostgresClock;

class PostgresConnection final : public Connection {
 public:
  // `name`: for messages. `clock` is set by what the server says; it must outlive the connection.
  static absl::StatusOr<std::unique_ptr<PostgresConnection>> Open(const std::string& url,
                                                                  const std::string& name,
                                                                  bool read_only,
                                                                  PostgresClock& clock);

  absl::Status Begin(TransactionMode mode) override;
  absl::StatusOr<int64_t> Run(absl::string_view sql, absl::Span<const Value> values,
                              absl::FunctionRef<bool(const Row&)> on_row) override;
  absl::Status Commit() override;
  void Rollback() override;
  bool in_transaction() const override;
  bool usable() const override;
  std::string commit_id() const override { return commit_id_; }

 private:
  struct Close {
    void operator()(PGconn* connection) const { libpq().PQfinish(connection); }
  };
  struct Clear {
    void operator()(PGresult* result) const { libpq().PQclear(result); }
  };
  using ResultPtr = std::unique_ptr<PGresult, Clear>;
  using Deadline = std::chrono::steady_clock::time_point;

  PostgresConnection(PGconn* connection, std::string name, PostgresClock& clock)
      : connection_(connection), name_(std::move(name)), clock_(clock) {}

  absl::Status Configure(bool read_only);
  // Runs several statements without values, as they are; they have one row at most, with the time.
  absl::Status RunText(const std::string& sql);
  // The name of the prepared statement.
  absl::StatusOr<std::string> Prepare(absl::string_view sql, absl::Span<const Value> values);
  // The next result of what was sent; nullptr: there are no more. Error: the deadline or the
  // connection.
  absl::StatusOr<ResultPtr> NextResult(Deadline deadline);
  // Reads what the server still sends, so that the next command can follow.
  absl::Status Drain(Deadline deadline);
  absl::Status Lost(absl::string_view sql);
  absl::Status Error(const PGresult* result, absl::string_view sql);
  void ForgetOldCommits();

  const std::unique_ptr<PGconn, Close> connection_;
  const std::string name_;
  PostgresClock& clock_;
  // By SQL and types of values: names of prepared statements.
  std::map<std::string, std::string, std::less<>> statements_;
  int prepared_ = 0;
  bool lost_ = false;
  // Whether the transaction may write, and so has a commit id.
  bool writes_ = false;
  std::string commit_id_;
  int commits_ = 0;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_SQL_POSTGRES_CONNECTION_H_
