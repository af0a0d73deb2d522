// The server's threads, each with its own io_context. A connection and its coroutines stay on one.
//
// The first loop serves no connections. It accepts them, and its owner may run coroutines there
// that wait for other processes: a connection that holds up its loop delays neither.
//
// Thread-safe.
#ifndef REGISTRY_BASE_HTTP_EVENT_LOOPS_H_
#define REGISTRY_BASE_HTTP_EVENT_LOOPS_H_

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <thread>
#include <vector>

#include "base/http/awaitable.h"

namespace registry::http {

class EventLoops {
 public:
  // Starts `threads` threads for connections, at least one, and one for the first loop.
  explicit EventLoops(size_t threads);

  ~EventLoops() { Stop(); }

  EventLoops(const EventLoops&) = delete;
  EventLoops& operator=(const EventLoops&) = delete;

  size_t size() const { return loops_.size(); }
  boost::asio::io_context& loop(size_t index) { return *loops_[index]; }

  // Waits until all coroutines have ended, then joins the threads.
  void Stop();

 private:
  std::vector<std::unique_ptr<boost::asio::io_context>> loops_;
  std::vector<boost::asio::executor_work_guard<Executor>> work_;
  std::vector<std::thread> threads_;
};

}  // namespace registry::http

#endif  // REGISTRY_BASE_HTTP_EVENT_LOOPS_H_
