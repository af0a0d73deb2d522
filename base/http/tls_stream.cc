#include "base/http/tls_stream.h"

#include <openssl/err.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <cerrno>
#include <new>
#include <string>

namespace registry::http {
namespace {

namespace asio = boost::asio;

// A small response goes out with its head, in one record.
constexpr size_t kJoinedBytes = 4 * 1024;
// Each has at most 16 KiB: a fast client must not delay the others of its event loop.
constexpr int kOperationsInARow = 64;

TlsStream::Error SslError() {
  const unsigned long code = ERR_get_error();
  if (ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    return asio::ssl::error::stream_truncated;
  }
  return {static_cast<int>(code), asio::error::get_ssl_category()};
}

}  // namespace

TlsStream::TlsStream(Socket& socket, asio::ssl::context& context)
    : socket_(socket), ssl_(SSL_new(context.native_handle())) {
  if (ssl_ == nullptr || SSL_set_fd(ssl_.get(), socket.native_handle()) != 1)
    throw std::bad_alloc();
  SSL_set_mode(ssl_.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                               SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_set_accept_state(ssl_.get());
}

template <class Operation>
Awaitable<TlsStream::Error> TlsStream::Run(Operation operation) {
  if (++operations_ > kOperationsInARow) {
    operations_ = 0;
    co_await asio::post(asio::use_awaitable_t<Executor>{});
  }
  while (true) {
    // OpenSSL has the number of the descriptor, which may be another connection's after a close.
    if (!socket_.is_open()) co_return asio::error::bad_descriptor;
    ERR_clear_error();
    errno = 0;
    const int result = operation();
    if (result == 1) co_return Error();
    Socket::wait_type ready_for = Socket::wait_read;
    switch (SSL_get_error(ssl_.get(), result)) {
      case SSL_ERROR_WANT_READ:
        break;
      case SSL_ERROR_WANT_WRITE:
        ready_for = Socket::wait_write;
        break;
      case SSL_ERROR_ZERO_RETURN:
        co_return asio::error::eof;
      case SSL_ERROR_SYSCALL:
        if (errno == 0) co_return asio::ssl::error::stream_truncated;
        co_return Error(errno, boost::system::system_category());
      default:
        co_return SslError();
    }
    operations_ = 0;
    const auto [error] = co_await socket_.async_wait(ready_for, kAwait);
    if (error) co_return error;
  }
}

Awaitable<TlsStream::Error> TlsStream::Handshake() {
  co_return co_await Run([this] { return SSL_do_handshake(ssl_.get()); });
}

Awaitable<std::pair<TlsStream::Error, size_t>> TlsStream::ReadSome(asio::mutable_buffer buffer) {
  size_t count = 0;
  const Error error =
      co_await Run([&] { return SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &count); });
  co_return std::pair(error, count);
}

Awaitable<std::pair<TlsStream::Error, size_t>> TlsStream::WriteSome(
    std::array<asio::const_buffer, 2> buffers) {
  std::string joined;
  asio::const_buffer part = buffers[0].size() > 0 ? buffers[0] : buffers[1];
  if (buffers[0].size() > 0 && buffers[1].size() > 0 &&
      buffers[0].size() + buffers[1].size() <= kJoinedBytes) {
    for (const asio::const_buffer& buffer : buffers) {
      joined.append(static_cast<const char*>(buffer.data()), buffer.size());
    }
    part = asio::buffer(joined);
  }
  part = asio::buffer(part, SSL3_RT_MAX_PLAIN_LENGTH);
  size_t count = 0;
  const Error error =
      co_await Run([&] { return SSL_write_ex(ssl_.get(), part.data(), part.size(), &count); });
  co_return std::pair(error, count);
}

Awaitable<TlsStream::Error> TlsStream::Shutdown() {
  // 0: sent, but the peer has not ended its side. Connection reads on until it does.
  co_return co_await Run([this] {
    const int result = SSL_shutdown(ssl_.get());
    return result == 0 ? 1 : result;
  });
}

}  // namespace registry::http
