#include "base/http/server.h"

#include <malloc.h>

#include <algorithm>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <unordered_map>

#include "absl/strings/str_cat.h"
#include "base/client_address.h"
#include "base/http/response_head.h"
#include "base/log.h"

namespace registry::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, Executor>;

// After so many connections of a crowd, the heap is trimmed if it has so many bytes free. A trim
// holds up the loop for some milliseconds, so a few short connections at a time never cause one.
constexpr size_t kTrimAfterConnections = 250;
constexpr size_t kCrowd = 500;
constexpr size_t kTrimAfterBytes = 4 * 1024 * 1024;

// Returns free pages to the system. glibc keeps those between the frames of coroutines: after a
// crowd of connections, most of the heap.
void TrimHeap() {
  if (::mallinfo2().fordblks >= kTrimAfterBytes) ::malloc_trim(0);
}

// The interval for closing late connections: short enough for the shortest timeout.
std::chrono::milliseconds SweepInterval(const ConnectionOptions& options) {
  const auto shortest = std::min(
      {options.header_timeout, options.idle_timeout, options.body_timeout, options.linger_timeout});
  return std::clamp(shortest / 4, std::chrono::milliseconds(10), std::chrono::milliseconds(1000));
}

std::string FormatAddress(const tcp::endpoint& endpoint) {
  const std::string host = endpoint.address().to_string();
  return endpoint.address().is_v6() ? absl::StrCat("[", host, "]:", endpoint.port())
                                    : absl::StrCat(host, ":", endpoint.port());
}

}  // namespace

struct Server::Loop {
  Loop(asio::io_context& context, size_t header_memory_bytes)
      : context(context), header_memory(header_memory_bytes), sweep_timer(context) {}

  asio::io_context& context;
  // Each with the signal that cancels what the connection waits for.
  std::unordered_map<Connection*, asio::cancellation_signal*> connections;
  HeaderMemory header_memory;
  Timer sweep_timer;
  // Connections that have ended.
  size_t ended = 0;
  bool draining = false;
  bool cancelling = false;
};

Server::Server(EventLoops& loops, ServerOptions options, Handler handler,
               ErrorResponder error_responder)
    : event_loops_(loops),
      options_(std::move(options)),
      handler_(std::move(handler)),
      error_responder_(std::move(error_responder)),
      acceptor_(loops.loop(0)) {
  for (size_t i = 0; i < loops.size(); ++i) {
    loops_.push_back(
        std::make_unique<Loop>(loops.loop(i), options_.header_memory_bytes / loops.size()));
  }
}

Server::~Server() = default;

absl::StatusOr<std::unique_ptr<Server>> Server::Listen(EventLoops& loops, ServerOptions options,
                                                       Handler handler,
                                                       ErrorResponder error_responder) {
  std::unique_ptr<Server> server(
      new Server(loops, std::move(options), std::move(handler), std::move(error_responder)));
  if (server->options_.tls.has_value()) {
    absl::Status status = server->UseCertificate(*server->options_.tls);
    if (!status.ok()) return status;
  }
  if (absl::Status status = server->Bind(); !status.ok()) return status;
  {
    std::lock_guard lock(server->mutex_);
    server->own_jobs_ = 1 + server->loops_.size();
  }
  asio::co_spawn(loops.loop(0).get_executor(), server->Accept(), asio::detached);
  for (auto& loop : server->loops_) {
    asio::co_spawn(loop->context.get_executor(), server->CloseLate(*loop), asio::detached);
  }
  return server;
}

absl::Status Server::UseCertificate(const TlsIdentity& identity) {
  absl::StatusOr<std::shared_ptr<asio::ssl::context>> tls = MakeTlsContext(identity);
  if (!tls.ok()) return tls.status();
  std::lock_guard lock(mutex_);
  tls_ = *std::move(tls);
  return absl::OkStatus();
}

absl::Status Server::Bind() {
  const std::string wanted = absl::StrCat(options_.host, ":", options_.port);
  boost::system::error_code error;
  tcp::endpoint endpoint(tcp::v6(), options_.port);
  if (!options_.host.empty()) {
    tcp::resolver resolver(event_loops_.loop(0));
    const auto found = resolver.resolve(options_.host, std::to_string(options_.port),
                                        tcp::resolver::passive, error);
    if (error || found.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("cannot resolve the address to listen on, \"",
                                                     wanted, "\": ", error.message(),
                                                     "; use an IP address of this machine"));
    }
    endpoint = *found.begin();
  }
  acceptor_.open(endpoint.protocol(), error);
  if (error && options_.host.empty()) {
    // The machine has no IPv6.
    endpoint = tcp::endpoint(tcp::v4(), options_.port);
    acceptor_.open(endpoint.protocol(), error);
  }
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && options_.host.empty() && endpoint.address().is_v6()) {
    acceptor_.set_option(asio::ip::v6_only(false), error);
  }
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(4096, error);
  if (error) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on \"", wanted, "\": ", error.message(),
                     "; stop the process that uses this address, or choose another with -addr"));
  }
  return absl::OkStatus();
}

std::string Server::address() const {
  boost::system::error_code error;
  const tcp::endpoint endpoint = acceptor_.local_endpoint(error);
  return error ? std::string() : FormatAddress(endpoint);
}

Awaitable<void> Server::Accept() {
  Timer pause(event_loops_.loop(0));
  for (size_t next = 0; !loops_[0]->draining; ++next) {
    Loop& loop = *loops_[1 + next % (loops_.size() - 1)];
    // Asked of the socket later, the address would be lost with a connection that was reset.
    tcp::endpoint peer;
    auto [error, socket] =
        co_await acceptor_.async_accept(loop.context.get_executor(), peer, kAwait);
    if (error) {
      if (loops_[0]->draining) break;
      // Most likely out of file descriptors: open connections go on, and closing some frees them.
      base::LogError("cannot accept a connection", {{"error", error.message()}});
      pause.expires_after(std::chrono::milliseconds(100));
      co_await pause.async_wait(kAwait);
      continue;
    }
    std::string address = AddressText(peer.address());
    std::string client = CountedClient(address);
    bool overload = false;
    bool client_overload = false;
    {
      std::lock_guard lock(mutex_);
      overload = open_connections_ >= options_.max_connections;
      ++open_connections_;
      if (!overload && !client.empty()) {
        size_t& count = connections_of_client_[client];
        client_overload = count >= options_.max_connections_per_client;
        if (!client_overload) ++count;
      }
    }
    if (overload || client_overload) {
      asio::co_spawn(loop.context.get_executor(),
                     overload
                         ? Refuse(std::move(socket), 503, "too many connections; try again later")
                         : Refuse(std::move(socket), 429,
                                  absl::StrCat("too many connections from ", client, "; at most ",
                                               options_.max_connections_per_client,
                                               " are accepted: close some and try again")),
                     asio::detached);
      continue;
    }
    auto cancellation = std::make_shared<asio::cancellation_signal>();
    auto ended = [&loop, cancellation](const std::exception_ptr& exception) {
      if (exception) std::rethrow_exception(exception);
      // Asio uses the signal until the coroutine is destroyed, which happens after this.
      asio::post(loop.context, [cancellation] {});
    };
    asio::co_spawn(
        loop.context.get_executor(),
        Serve(std::move(socket), std::move(address), loop, *cancellation, std::move(client)),
        asio::bind_cancellation_slot(cancellation->slot(), std::move(ended)));
  }
  std::lock_guard lock(mutex_);
  --own_jobs_;
  connection_ended_.notify_all();
}

std::string Server::CountedClient(const std::string& address) const {
  if (options_.max_connections_per_client == 0) return "";
  const bool is_proxy = options_.connection.trusted_proxies.TrustIn(address) == ProxyTrust::kAll;
  return is_proxy ? "" : base::AddressGroup(address);
}

Awaitable<void> Server::Serve(Socket socket, std::string address, Loop& loop,
                              asio::cancellation_signal& cancellation, std::string client) {
  // Cancelled operations return an error, like operations on a lost connection.
  co_await asio::this_coro::throw_if_cancelled(false);
  std::shared_ptr<asio::ssl::context> tls;
  {
    std::lock_guard lock(mutex_);
    tls = tls_;
  }
  {
    Connection connection(std::move(socket), std::move(address), tls.get(), options_.connection,
                          loop.header_memory, handler_, error_responder_, loop.draining);
    loop.connections.emplace(&connection, &cancellation);
    co_await connection.Run();
    loop.connections.erase(&connection);
  }
  if (++loop.ended % kTrimAfterConnections == 0 && loop.connections.size() >= kCrowd) TrimHeap();
  std::lock_guard lock(mutex_);
  --open_connections_;
  if (const auto found = connections_of_client_.find(client);
      found != connections_of_client_.end() && --found->second == 0) {
    connections_of_client_.erase(found);
  }
  connection_ended_.notify_all();
}

// Answers without waiting: sends only what the socket's buffer takes at once.
Awaitable<void> Server::Refuse(Socket socket, int status, std::string reason) {
  boost::system::error_code error;
  if (!options_.tls.has_value()) {
    Response response = error_responder_(status, reason);
    response.head.content_length = response.body.size();
    const std::string text =
        absl::StrCat(FormatResponseHead(response.head, /*chunked=*/false, "close"), response.body);
    socket.non_blocking(true, error);
    socket.write_some(asio::buffer(text), error);
  }
  socket.close(error);
  std::lock_guard lock(mutex_);
  --open_connections_;
  connection_ended_.notify_all();
  co_return;
}

Awaitable<void> Server::CloseLate(Loop& loop) {
  while (!loop.draining) {
    loop.sweep_timer.expires_after(SweepInterval(options_.connection));
    co_await loop.sweep_timer.async_wait(kAwait);
    const SteadyTime now = std::chrono::steady_clock::now();
    for (const auto& [connection, cancellation] : loop.connections) connection->CloseIfLate(now);
    if (const size_t count = loop.header_memory.TakeCutOffCount(); count > 0) {
      base::LogWarning(
          "closed connections: the request headers of all clients took too much memory",
          {{"connections", count}, {"bytes", options_.header_memory_bytes}});
    }
  }
  // Requests in progress still have deadlines.
  while (!loop.connections.empty()) {
    const SteadyTime now = std::chrono::steady_clock::now();
    for (const auto& [connection, cancellation] : loop.connections) {
      connection->CloseIfLate(now);
      connection->CloseIfIdle();
      if (!loop.cancelling) continue;
      // Repeatedly, because the connection's next operation does not notice an earlier Close.
      connection->Close();
      cancellation->emit(asio::cancellation_type::terminal);
    }
    loop.sweep_timer.expires_after(std::chrono::milliseconds(10));
    co_await loop.sweep_timer.async_wait(kAwait);
  }
  std::lock_guard lock(mutex_);
  --own_jobs_;
  connection_ended_.notify_all();
}

size_t Server::Drain(std::chrono::milliseconds timeout) {
  for (auto& loop : loops_) {
    asio::post(loop->context, [this, &loop = *loop] {
      loop.draining = true;
      loop.sweep_timer.cancel();
      if (&loop == loops_[0].get()) {
        boost::system::error_code error;
        acceptor_.close(error);
      }
    });
  }
  const auto all_ended = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return open_connections_ == 0 && own_jobs_ == 0;
  };
  const auto may_end = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return cut_off_ || all_ended(); };
  std::unique_lock lock(mutex_);
  connection_ended_.wait_for(lock, timeout, may_end);
  if (all_ended()) return 0;
  const size_t cut_off = open_connections_;
  // A loop without connections would not keep this object alive until it has come to its job.
  own_jobs_ += loops_.size();
  for (auto& loop : loops_) {
    asio::post(loop->context, [this, &loop = *loop] {
      loop.cancelling = true;
      std::lock_guard lock(mutex_);
      --own_jobs_;
      connection_ended_.notify_all();
    });
  }
  connection_ended_.wait(lock, all_ended);
  return cut_off;
}

void Server::CutOff() {
  std::lock_guard lock(mutex_);
  cut_off_ = true;
  connection_ended_.notify_all();
}

}  // namespace registry::http
