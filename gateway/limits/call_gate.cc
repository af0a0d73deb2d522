#include "gateway/limits/call_gate.h"

#include <algorithm>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <utility>
#include <vector>

namespace registry::gateway {
namespace {

namespace asio = boost::asio;
using Timer =
    asio::basic_waitable_timer<std::chrono::steady_clock,
                               asio::wait_traits<std::chrono::steady_clock>, http::Executor>;

}  // namespace

http::Awaitable<std::optional<CallGate::Pass>> CallGate::Enter(size_t bytes) {
  bytes = std::min(bytes, options_.bytes);
  uint64_t id = 0;
  bool granted = false;
  {
    std::lock_guard lock(mutex_);
    granted = waiters_.empty() && TryTake(bytes);
    if (!granted && waiters_.size() >= options_.max_waiting) co_return std::nullopt;
    id = ++last_id_;
  }
  if (!granted) {
    Timer timer(co_await asio::this_coro::executor, options_.max_wait);
    timer.async_wait([this, id](const boost::system::error_code& error) {
      if (!error) Cancel(id);
    });
    auto start = [this, id, bytes](auto done) { Wait(id, bytes, std::move(done)); };
    granted = co_await http::Suspend<bool>(std::move(start), [this, id] { Cancel(id); });
  }
  if (!granted) co_return std::nullopt;
  co_return std::optional<Pass>(std::in_place, *this, bytes);
}

bool CallGate::TryTake(size_t bytes) {
  if (free_bytes_ < bytes) return false;
  free_bytes_ -= bytes;
  return true;
}

void CallGate::Wait(uint64_t id, size_t bytes, std::function<void(bool)> done) {
  {
    std::lock_guard lock(mutex_);
    if (!waiters_.empty() || !TryTake(bytes)) {
      waiters_.emplace(id, Waiter{bytes, std::move(done)});
      return;
    }
  }
  done(true);
}

void CallGate::Cancel(uint64_t id) {
  std::function<void(bool)> done;
  {
    std::lock_guard lock(mutex_);
    const auto found = waiters_.find(id);
    if (found == waiters_.end()) return;
    done = std::move(found->second.done);
    waiters_.erase(found);
  }
  done(false);
  // The others may have waited for this one.
  Release(0);
}

void CallGate::Release(size_t bytes) {
  std::vector<std::function<void(bool)>> granted;
  {
    std::lock_guard lock(mutex_);
    free_bytes_ += bytes;
    while (!waiters_.empty() && TryTake(waiters_.begin()->second.bytes)) {
      granted.push_back(std::move(waiters_.begin()->second.done));
      waiters_.erase(waiters_.begin());
    }
  }
  for (const auto& done : granted) done(true);
}

}  // namespace registry::gateway
