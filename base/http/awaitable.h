// Coroutine types. Every coroutine runs on one of the event loops. Its executor is
// part of its type, which avoids Asio's type-erased executor in each operation.
//
// GCC 12 destroys some temporaries of a co_await expression twice: those made in a branch of ?:, &&
// or || . Name such values first, and await in a separate statement.
#ifndef REGISTRY_BASE_HTTP_AWAITABLE_H_
#define REGISTRY_BASE_HTTP_AWAITABLE_H_

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <utility>

namespace registry::http {

using Executor = boost::asio::io_context::executor_type;

template <class T>
using Awaitable = boost::asio::awaitable<T, Executor>;

// Awaits an Asio operation; yields a tuple that begins with the error code.
inline constexpr boost::asio::as_tuple_t<boost::asio::use_awaitable_t<Executor>> kAwait{
    boost::asio::use_awaitable_t<Executor>{}};

// Suspends the coroutine until the callback passed to `start` runs, exactly once, on any thread.
// Resumes on the coroutine's event loop, which keeps running meanwhile. If the coroutine is
// cancelled before, calls `cancel`, perhaps several times; it must make the callback run soon.
//
//   int n = co_await Suspend<int>([&](auto done) { service.Ask(std::move(done)); },
//                                 [&] { service.Cancel(); });
template <class T, class Start, class Cancel>
Awaitable<T> Suspend(Start start, Cancel cancel) {
  auto initiate = [](auto handler, Start start, Cancel cancel) {
    // Asio clears the slot when the coroutine resumes.
    if (auto slot = boost::asio::get_associated_cancellation_slot(handler); slot.is_connected()) {
      slot.assign([cancel](boost::asio::cancellation_type) mutable { cancel(); });
    }
    auto executor = boost::asio::get_associated_executor(handler);
    auto work = boost::asio::prefer(executor, boost::asio::execution::outstanding_work.tracked);
    // Shared, because gRPC's callbacks must be copyable.
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    start([shared, work](T value) mutable {
      boost::asio::post(
          work, [shared, value = std::move(value)]() mutable { (*shared)(std::move(value)); });
    });
  };
  const boost::asio::use_awaitable_t<Executor> token{};
  co_return co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<Executor>,
                                                 void(T)>(initiate, token, std::move(start),
                                                          std::move(cancel));
}

}  // namespace registry::http

#endif  // REGISTRY_BASE_HTTP_AWAITABLE_H_
