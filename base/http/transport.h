// Moves the bytes of one connection, with or without TLS, and records the deadline of its current
// operation.
//
// The owner of the connections (server.cc) closes late ones. So a deadline costs one assignment per
// operation instead of a timer. Not thread-safe: one event loop.
#ifndef REGISTRY_BASE_HTTP_TRANSPORT_H_
#define REGISTRY_BASE_HTTP_TRANSPORT_H_

#include <array>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <chrono>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/http/awaitable.h"
#include "base/http/file_reader.h"
#include "base/http/tls_stream.h"

namespace registry::http {

using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, Executor>;
using SteadyTime = std::chrono::steady_clock::time_point;

inline SteadyTime After(std::chrono::milliseconds timeout) {
  return std::chrono::steady_clock::now() + timeout;
}

// The first byte from a client that speaks TLS (RFC 8446, 5.1).
inline constexpr char kTlsHandshake = 0x16;

// The address as text. A dual-stack listener reports IPv4 addresses as ::ffff:a.b.c.d; the text has
// a.b.c.d.
std::string AddressText(const boost::asio::ip::address& address);

class Transport {
 public:
  // `peer_address` is the client's, as AddressText writes it. `tls` is null for plain HTTP; it must
  // outlive this object.
  Transport(Socket socket, std::string peer_address, boost::asio::ssl::context* tls);

  // The TLS stream refers to the socket.
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // The TLS handshake; does nothing without TLS. Error FAILED_PRECONDITION: the client does not
  // speak TLS. Its bytes are still unread, and from then on this object does not speak TLS either.
  Awaitable<absl::Status> Handshake(SteadyTime deadline);

  // Reads at least one byte; 0 at the end of the stream.
  Awaitable<absl::StatusOr<size_t>> ReadSome(boost::asio::mutable_buffer buffer,
                                             SteadyTime deadline);

  // Waits, without a buffer, until there are bytes to read or the stream ends.
  Awaitable<absl::Status> WaitReadable(SteadyTime deadline);

  // The same in a frame less, for connections that wait for a long time. Yields a tuple with the
  // socket's error. Do not call it while HasPending; read next.
  auto WaitForSocket(SteadyTime deadline) {
    deadline_ = deadline;
    return socket_.async_wait(Socket::wait_read, kAwait);
  }
  // Returns true if the socket is not asked for the next bytes.
  bool HasPending() const { return tls_ && tls_->HasPending(); }

  // Writes everything. Each written byte restarts `progress_timeout`; everything must be written by
  // `latest`.
  Awaitable<absl::Status> Write(boost::asio::const_buffer first, boost::asio::const_buffer second,
                                std::chrono::milliseconds progress_timeout,
                                SteadyTime latest = SteadyTime::max());

  // Same for a part of a file; uses sendfile without TLS. `files` waits for the disk.
  Awaitable<absl::Status> SendFile(FileReader& files, int descriptor, int64_t offset,
                                   int64_t length, std::chrono::milliseconds progress_timeout);

  // Ends the sending side, so that the peer can read everything that was sent before the close.
  Awaitable<void> ShutdownSend(SteadyTime deadline);

  // Closes the socket; the current operation ends with an error.
  void Close();

  // Makes the current operation fail; the connection stays open.
  void CancelWait();

  // Returns true if the peer has sent bytes that were not read yet.
  bool HasUnreadBytes() const;

  // The deadline of the current operation; SteadyTime::max() if there is none.
  SteadyTime deadline() const { return deadline_; }
  // Bytes that the socket took so far, including those of calls that failed later. With TLS these
  // are bytes before encryption.
  uint64_t bytes_written() const { return bytes_written_; }
  bool secure() const { return tls_.has_value(); }
  const std::string& peer_address() const { return peer_address_; }
  // The HOST:PORT that the peer has connected to; empty if the connection is lost.
  std::string LocalAddress() const;

 private:
  absl::Status Error(const boost::system::error_code& error);

  Socket socket_;
  std::optional<TlsStream> tls_;
  std::string peer_address_;
  SteadyTime deadline_ = SteadyTime::max();
  uint64_t bytes_written_ = 0;
};

}  // namespace registry::http

#endif  // REGISTRY_BASE_HTTP_TRANSPORT_H_
