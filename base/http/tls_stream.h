// TLS over a non-blocking socket, without buffers of its own.
//
// boost::asio::ssl::stream keeps 68 KiB for each connection, which 10,000 silent clients would turn
// into 680 MB. Here OpenSSL reads and writes the socket itself, and frees its buffers between
// operations. Errors are those of the socket; eof at TLS's end of the stream, stream_truncated if
// TCP ends before it. Not thread-safe: one event loop, one read and one write at a time.
#ifndef REGISTRY_BASE_HTTP_TLS_STREAM_H_
#define REGISTRY_BASE_HTTP_TLS_STREAM_H_

#include <openssl/ssl.h>

#include <array>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <utility>

#include "base/http/awaitable.h"

namespace registry::http {

class TlsStream {
 public:
  using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, Executor>;
  using Error = boost::system::error_code;

  // The server's end. `socket` must outlive this object and be in non-blocking mode. The
  // connection keeps what it needs of `context`.
  TlsStream(Socket& socket, boost::asio::ssl::context& context);

  Awaitable<Error> Handshake();

  // Reads at least one byte.
  Awaitable<std::pair<Error, size_t>> ReadSome(boost::asio::mutable_buffer buffer);

  // Writes at least one byte of them, and at most one record.
  Awaitable<std::pair<Error, size_t>> WriteSome(std::array<boost::asio::const_buffer, 2> buffers);

  // Ends the sending side.
  Awaitable<Error> Shutdown();

  // Bytes that ReadSome would return without reading the socket.
  bool HasPending() const { return SSL_pending(ssl_.get()) > 0; }

 private:
  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  // Repeats `operation`, which returns 1 for success, when the socket is ready for it.
  template <class Operation>
  Awaitable<Error> Run(Operation operation);

  Socket& socket_;
  std::unique_ptr<SSL, Free> ssl_;
  // Operations since the event loop had its turn.
  int operations_ = 0;
};

}  // namespace registry::http

#endif  // REGISTRY_BASE_HTTP_TLS_STREAM_H_
