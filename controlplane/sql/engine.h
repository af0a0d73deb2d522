// What a database engine provides. Database (database.h) does the rest: connections at hand,
// retries, group commit. Two engines: sqlite/ and postgres/.
//
// Errors of all engines name the database and the remedy:
//   Aborted             a conflict with another transaction, or a lost connection, before anything
//                       was committed: the caller may run the transaction again
//   AlreadyExists       a constraint: as Aborted, but after a few attempts it is a bug in this
//   program Unknown             only from Commit: the connection was lost, so ask
//   Engine::WasCommitted ResourceExhausted   the disk is full Unavailable         the database
//   cannot be reached, read or written DataLoss            the database is damaged, or is not a
//   database FailedPrecondition  it belongs to another program or to a newer version of this one
//   InvalidArgument     a value is text that is not UTF-8, or contains NUL
//   Internal            a bug in this program
#ifndef REGISTRY_CONTROLPLANE_SQL_ENGINE_H_
#define REGISTRY_CONTROLPLANE_SQL_ENGINE_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "controlplane/sql/value.h"

namespace registry::controlplane {

class Transaction;

enum class TransactionMode {
  // Sees one state of the database throughout; cannot write.
  kRead,
  // Serializable: as if it ran alone.
  kWrite,
  // As kWrite, but a power failure may undo it: its commit does not wait for the disk. A later
  // transaction that is durable makes it durable too.
  kUnflushedWrite,
  // Each statement sees what was committed before it began. For migrations, and for work queues:
  // takes rows with Transaction::skip_locked(), and leaves them to others that hold them.
  kPoll,
};

// The current row of a statement. Columns count from 0. Reading a column as another type than its
// own makes the query fail. Text and bytes are valid until the callback returns.
class Row {
 public:
  Row() = default;
  virtual ~Row() = default;
  Row(const Row&) = delete;
  Row& operator=(const Row&) = delete;

  virtual int64_t Int(int column) const = 0;
  virtual absl::string_view Text(int column) const = 0;
  virtual absl::string_view Bytes(int column) const = 0;
  virtual bool IsNull(int column) const = 0;
};

// One thread at a time uses a connection, for one transaction after the other.
class Connection {
 public:
  virtual ~Connection() = default;

  virtual absl::Status Begin(TransactionMode mode) = 0;
  // Runs one statement and calls `on_row` for each row until it returns false; `on_row` runs no
  // statement. Returns how many rows the statement inserted, updated or deleted.
  virtual absl::StatusOr<int64_t> Run(absl::string_view sql, absl::Span<const Value> values,
                                      absl::FunctionRef<bool(const Row&)> on_row) = 0;
  // After an error the transaction has ended too.
  virtual absl::Status Commit() = 0;
  // Has no effect if there is no transaction.
  virtual void Rollback() = 0;

  // Some errors end the transaction. Then savepoints are lost too.
  virtual bool in_transaction() const = 0;
  // False: the connection was lost; close it and open another one.
  virtual bool usable() const = 0;
  // The last transaction that began to commit, for Engine::WasCommitted.
  virtual std::string commit_id() const { return ""; }
  // True: the database accepts no more writes until the process restarts.
  virtual bool write_failed() const { return false; }
};

// Statements that lead to the next version of the schema.
using Migration = std::vector<absl::string_view>;

// Thread-safe.
class Engine {
 public:
  virtual ~Engine() = default;

  // For messages; never a password.
  virtual const std::string& name() const = 0;
  virtual absl::StatusOr<std::unique_ptr<Connection>> Connect(bool read_only) = 0;
  // How many connections may read, and how many may write, at the same time.
  virtual size_t readers() const = 0;
  virtual size_t writers() const = 0;
  // Attempts of a transaction that meets others.
  virtual int max_attempts() const = 0;

  // Runs first in each transaction that migrates: locks out other migrations, and checks that the
  // database is ours and sound.
  virtual absl::Status PrepareMigration(Transaction& t) = 0;
  virtual const std::vector<Migration>& migrations() const = 0;

  // Settles what became of a commit that answered Unknown. False: it did not happen, and never
  // will.
  virtual absl::StatusOr<bool> WasCommitted(const std::string& commit_id) = 0;

  // The database's clock, in milliseconds since the epoch.
  virtual int64_t NowMs() const = 0;
  // Appended to a SELECT in a transaction of kPoll.
  virtual absl::string_view skip_locked() const { return ""; }
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_SQL_ENGINE_H_
