// HTTP/1.1 server: accepts connections and distributes them over the event loops.
//
//   absl::StatusOr<std::unique_ptr<Server>> server = Server::Listen(loops, options, handler, ...);
//   (*server)->Drain(std::chrono::seconds(30));
//
// Thread-safe. Errors name the address or file and the remedy.
#ifndef REGISTRY_BASE_HTTP_SERVER_H_
#define REGISTRY_BASE_HTTP_SERVER_H_

#include <boost/asio/cancellation_signal.hpp>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "base/http/connection.h"
#include "base/http/event_loops.h"
#include "base/http/tls_context.h"
#include "base/limits.h"

namespace registry::http {

struct ServerOptions {
  // An IP address or a host name; empty means all addresses.
  std::string host = "0.0.0.0";
  // 0 picks a free port.
  uint16_t port = 5000;
  // Absent: plain HTTP.
  std::optional<TlsIdentity> tls;
  // Further connections get a 503 and are closed.
  size_t max_connections = base::kMaxConnections;
  // Further connections from one client address (IPv6: a /64) get a 429 and are closed; 0: no
  // limit. Trusted proxies are exempt, because they bring many clients.
  size_t max_connections_per_client = 0;
  // For all event loops together (header_memory.h).
  size_t header_memory_bytes = base::kHeaderMemoryBytes;
  ConnectionOptions connection;
};

class Server {
 public:
  // Starts to accept. `loops` must outlive the server and run until Drain has returned.
  // Errors: INVALID_ARGUMENT (host, certificate, key), UNAVAILABLE (address in use).
  static absl::StatusOr<std::unique_ptr<Server>> Listen(EventLoops& loops, ServerOptions options,
                                                        Handler handler,
                                                        ErrorResponder error_responder);

  // Call Drain first.
  ~Server();

  // The address that the server listens on, for example "127.0.0.1:5000".
  std::string address() const;

  // Connections that begin from now on get this certificate; the others go on with theirs. For a
  // server that was started with one. Error: INVALID_ARGUMENT, and the old one stays.
  absl::Status UseCertificate(const TlsIdentity& identity);

  // Stops accepting, closes idle connections, and waits for requests in progress. After `timeout`,
  // cancels the remaining ones and returns their number. When it returns, no coroutine of the
  // server is left.
  size_t Drain(std::chrono::milliseconds timeout);

  // Ends the wait of Drain as if its time were over; may come before Drain.
  void CutOff();

 private:
  // State of one event loop; only its thread uses it.
  struct Loop;

  Server(EventLoops& loops, ServerOptions options, Handler handler, ErrorResponder error_responder);

  absl::Status Bind();
  Awaitable<void> Accept();
  Awaitable<void> Serve(Socket socket, std::string address, Loop& loop,
                        boost::asio::cancellation_signal& cancellation, std::string client);
  Awaitable<void> Refuse(Socket socket, int status, std::string reason);
  // The address group for the limit; empty if the connection does not count.
  std::string CountedClient(const std::string& address) const;
  Awaitable<void> CloseLate(Loop& loop);

  EventLoops& event_loops_;
  const ServerOptions options_;
  const Handler handler_;
  const ErrorResponder error_responder_;
  boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, Executor> acceptor_;
  std::vector<std::unique_ptr<Loop>> loops_;

  mutable std::mutex mutex_;
  // Null for plain HTTP.
  std::shared_ptr<boost::asio::ssl::context> tls_ ABSL_GUARDED_BY(mutex_);
  std::condition_variable connection_ended_;
  size_t open_connections_ ABSL_GUARDED_BY(mutex_) = 0;
  bool cut_off_ ABSL_GUARDED_BY(mutex_) = false;
  // Keyed by CountedClient; connections without one are not counted.
  std::unordered_map<std::string, size_t> connections_of_client_ ABSL_GUARDED_BY(mutex_);
  // The server's own work on the loops: the acceptor, the sweepers, and posted jobs of Drain.
  size_t own_jobs_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace registry::http

#endif  // REGISTRY_BASE_HTTP_SERVER_H_
