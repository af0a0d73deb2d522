// The connections to a database that wait for work. Each serves one transaction at a time.
// Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_SQL_CONNECTION_POOL_H_
#define REGISTRY_CONTROLPLANE_SQL_CONNECTION_POOL_H_

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controlplane/sql/engine.h"

namespace registry::controlplane {

class ConnectionPool {
 public:
  // At most `size` connections are in use; who wants another one waits.
  ConnectionPool(Engine& engine, bool read_only, size_t size);

  // Opens the connections that are not open yet. Without it, each is opened when it is needed.
  absl::Status Open();

  // A connection for one transaction. Goes back at the end, unless it was lost.
  class Lease {
   public:
    Lease(ConnectionPool& pool, std::unique_ptr<Connection> connection)
        : pool_(&pool), connection_(std::move(connection)) {}
    Lease(Lease&&) = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (connection_ != nullptr) pool_->Return(std::move(connection_));
    }

    Connection& operator*() const { return *connection_; }
    Connection* operator->() const { return connection_.get(); }

   private:
    ConnectionPool* pool_;
    std::unique_ptr<Connection> connection_;
  };

  // Opens a connection if none is at hand. Errors: those of Engine::Connect.
  absl::StatusOr<Lease> Take();

 private:
  void Return(std::unique_ptr<Connection> connection);

  Engine& engine_;
  const bool read_only_;
  std::mutex mutex_;
  std::condition_variable returned_;
  // Empty where a connection must be opened.
  std::vector<std::unique_ptr<Connection>> idle_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_SQL_CONNECTION_POOL_H_
