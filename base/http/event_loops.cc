#include "base/http/event_loops.h"

#include <algorithm>

namespace registry::http {

EventLoops::EventLoops(size_t threads) {
  threads = std::max<size_t>(threads, 1) + 1;
  for (size_t i = 0; i < threads; ++i) {
    loops_.push_back(std::make_unique<boost::asio::io_context>(1));
    work_.push_back(boost::asio::make_work_guard(*loops_.back()));
  }
  for (auto& loop : loops_) threads_.emplace_back([&loop = *loop] { loop.run(); });
}

void EventLoops::Stop() {
  work_.clear();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace registry::http
