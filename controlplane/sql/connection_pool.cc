#include "controlplane/sql/connection_pool.h"

#include <utility>

namespace registry::controlplane {

ConnectionPool::ConnectionPool(Engine& engine, bool read_only, size_t size)
    : engine_(engine), read_only_(read_only), idle_(size) {}

absl::Status ConnectionPool::Open() {
  std::lock_guard lock(mutex_);
  for (std::unique_ptr<Connection>& connection : idle_) {
    if (connection != nullptr) continue;
    absl::StatusOr<std::unique_ptr<Connection>> opened = engine_.Connect(read_only_);
    if (!opened.ok()) return opened.status();
    connection = *std::move(opened);
  }
  return absl::OkStatus();
}

absl::StatusOr<ConnectionPool::Lease> ConnectionPool::Take() {
  std::unique_ptr<Connection> connection;
  {
    std::unique_lock lock(mutex_);
    returned_.wait(lock, [&] { return !idle_.empty(); });
    connection = std::move(idle_.back());
    idle_.pop_back();
  }
  if (connection == nullptr) {
    absl::StatusOr<std::unique_ptr<Connection>> opened = engine_.Connect(read_only_);
    if (!opened.ok()) {
      Return(nullptr);
      return opened.status();
    }
    connection = *std::move(opened);
  }
  return Lease(*this, std::move(connection));
}

void ConnectionPool::Return(std::unique_ptr<Connection> connection) {
  if (connection != nullptr && !connection->usable()) connection.reset();
  {
    std::lock_guard lock(mutex_);
    // Open ones are taken before others.
    if (connection == nullptr) {
      idle_.insert(idle_.begin(), nullptr);
    } else {
      idle_.push_back(std::move(connection));
    }
  }
  returned_.notify_one();
}

}  // namespace registry::controlplane
