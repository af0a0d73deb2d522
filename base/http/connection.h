// One HTTP/1.1 connection: reads requests, passes each to the handler, keeps the connection alive
// and closes it without losing responses.
//
// Owned by its coroutine, Run. Not thread-safe: one event loop. Source: RFC 9112.
#ifndef REGISTRY_BASE_HTTP_CONNECTION_H_
#define REGISTRY_BASE_HTTP_CONNECTION_H_

#include <boost/beast/core/flat_buffer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/http/buffer_pool.h"
#include "base/http/exchange.h"
#include "base/http/header_memory.h"
#include "base/http/request_parser.h"
#include "base/http/transport.h"
#include "base/http/trusted_proxies.h"
#include "base/limits.h"

namespace registry::http {

// Answers one request. It must not throw, and should send a response even on its own errors.
using Handler = std::function<Awaitable<void>(Exchange&)>;

// Makes the response to an invalid HTTP request, from the status and the reason.
using ErrorResponder = std::function<Response(int status, absl::string_view reason)>;

struct ConnectionOptions {
  size_t max_header_bytes = base::kMaxHeaderBytes;
  std::chrono::milliseconds header_timeout = base::kHeaderTimeout;
  std::chrono::milliseconds idle_timeout = base::kIdleTimeout;
  std::chrono::milliseconds body_timeout = base::kBodyTimeout;
  // For a whole response, which stays in memory until the client has read it.
  uint64_t min_answer_bytes_per_second = base::kMinAnswerBytesPerSecond;
  // To keep the connection, reads and drops an unread body up to this size.
  uint64_t max_discarded_bytes = base::kChunkBytes;
  // Time for the peer to read the response, if the connection closes with an unread body.
  std::chrono::milliseconds linger_timeout{5000};
  TrustedProxies trusted_proxies;
  // A result of ParsePublicUrl (public_url.h); if empty, proxies or Host headers determine it.
  std::string public_url;
  // Waits for the disk when handlers send files; must outlive the connection. Needed only for that.
  FileReader* files = nullptr;
};

class Connection final : private Exchange {
 public:
  // `peer_address` as in Transport; `tls` is null for plain HTTP. All references must outlive the
  // connection.
  Connection(Socket socket, std::string peer_address, boost::asio::ssl::context* tls,
             const ConnectionOptions& options, HeaderMemory& header_memory, const Handler& handler,
             const ErrorResponder& error_responder, const bool& draining);

  // Serves the connection until it ends.
  Awaitable<void> Run();

  // Closes the connection if its current operation is late.
  void CloseIfLate(SteadyTime now);

  // Closes the connection if no request is in progress.
  void CloseIfIdle();

  // Makes the current operation fail.
  void Close() { transport_.Close(); }

 private:
  // Exchange.
  const Request& request() const override { return current_->request; }
  Awaitable<absl::StatusOr<std::string>> ReadBody(size_t max_bytes) override;
  Awaitable<absl::Status> Send(Response response) override;
  Awaitable<absl::Status> SendHead(ResponseHead head) override;
  Awaitable<absl::Status> SendBody(absl::string_view bytes) override;
  Awaitable<absl::Status> SendFile(int descriptor, int64_t offset, int64_t length) override;
  int status_sent() const override { return status_sent_; }
  uint64_t body_bytes_sent() const override { return body_bytes_sent_; }

  // Returns false if the connection is over.
  Awaitable<bool> Handshake();
  // Returns false if the connection is over.
  Awaitable<bool> ReadHeader();
  // Reads one more part of the header into the buffer. Returns false if the connection is over.
  Awaitable<bool> ReadHeaderPart(SteadyTime deadline);
  Awaitable<bool> ServeOne();
  Awaitable<void> RefuseMalformed(int status, std::string reason);
  Awaitable<bool> FinishExchange();
  // Reads and drops a part of unread_bytes_. Returns false if the connection is over.
  Awaitable<bool> Discard();
  SteadyTime DiscardDeadline() const;
  // Ends the sending side. What the peer still sends is dropped until it closes its side, so that
  // it can read everything that was sent.
  Awaitable<void> EndSending();

  void PrepareRequest();
  // Frees the memory of the last request.
  void ForgetRequest();
  bool MayKeepAlive() const;
  std::string FormatHead(const ResponseHead& head) const;
  // Adds to body_bytes_sent_, after a write of `overhead_before` other bytes and `size` bytes of
  // the body that may have failed midway. `written_before` is transport_.bytes_written() before it.
  void CountBodyBytes(uint64_t written_before, size_t overhead_before, size_t size);

  static constexpr absl::string_view kNoHeaderMemory =
      "the headers of all clients together take too much memory at the moment; try again";

  Transport transport_;
  const ConnectionOptions& options_;
  const Handler& handler_;
  const ErrorResponder& error_responder_;
  const bool& draining_;
  const ProxyTrust proxy_trust_;

  HeaderMemory::Account memory_;
  boost::beast::basic_flat_buffer<PooledAllocator<char>> buffer_;
  bool idle_ = true;
  // The connection cannot send any more.
  bool lost_ = false;
  // Further input cannot be parsed, but the connection can still send a response.
  bool malformed_ = false;
  // The connection is over, but the peer may not have read the last response yet.
  bool linger_ = false;
  SteadyTime linger_until_ = SteadyTime::max();
  // Bytes to drop before the next request.
  uint64_t unread_bytes_ = 0;

  struct Current {
    RequestParser parser;
    Request request;
  };
  // The current request; an idle connection has none.
  std::unique_ptr<Current> current_;
  bool continue_expected_ = false;
  int status_sent_ = 0;
  bool keep_alive_ = false;
  bool chunked_response_ = false;
  uint64_t body_bytes_sent_ = 0;
  uint64_t body_bytes_promised_ = 0;
};

}  // namespace registry::http

#endif  // REGISTRY_BASE_HTTP_CONNECTION_H_
