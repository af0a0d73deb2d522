#include "base/http/transport.h"

#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/limits.h"

namespace registry::http {
namespace {

namespace asio = boost::asio;

// sendfile does not return to the event loop until the socket is full. This bounds it, so that a
// fast reader does not delay other connections of its loop.
constexpr int64_t kSendFileBytes = 1024 * 1024;

// How long bytes that are in memory are expected to stay there.
constexpr std::chrono::seconds kMemoryTrust{1};

// A dual-stack listener reports IPv4 addresses as ::ffff:a.b.c.d.
asio::ip::address Unmapped(const asio::ip::address& address) {
  if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
  return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
}

}  // namespace

std::string AddressText(const asio::ip::address& address) { return Unmapped(address).to_string(); }

Transport::Transport(Socket socket, std::string peer_address, asio::ssl::context* tls)
    : socket_(std::move(socket)), peer_address_(std::move(peer_address)) {
  boost::system::error_code error;
  // A response's last segment must not wait for the peer's delayed acknowledgement. If the socket
  // is already lost, its first use reports that.
  socket_.set_option(asio::ip::tcp::no_delay(true), error);
  socket_.non_blocking(true, error);
  if (tls != nullptr) tls_.emplace(socket_, *tls);
}

absl::Status Transport::Error(const boost::system::error_code& error) {
  if (std::chrono::steady_clock::now() >= deadline_) {
    return absl::DeadlineExceededError("the client sent or received nothing for too long");
  }
  return absl::CancelledError(absl::StrCat("connection lost: ", error.message()));
}

Awaitable<absl::Status> Transport::Handshake(SteadyTime deadline) {
  if (!tls_) co_return absl::OkStatus();
  deadline_ = deadline;
  const auto [ready] = co_await socket_.async_wait(Socket::wait_read, kAwait);
  if (ready) co_return Error(ready);
  char first = 0;
  const ssize_t count = ::recv(socket_.native_handle(), &first, 1, MSG_PEEK);
  if (count == 1 && first != kTlsHandshake) {
    tls_.reset();
    deadline_ = SteadyTime::max();
    co_return absl::FailedPreconditionError("the client does not speak TLS");
  }
  const boost::system::error_code error = co_await tls_->Handshake();
  if (error) co_return Error(error);
  deadline_ = SteadyTime::max();
  co_return absl::OkStatus();
}

Awaitable<absl::StatusOr<size_t>> Transport::ReadSome(asio::mutable_buffer buffer,
                                                      SteadyTime deadline) {
  deadline_ = deadline;
  boost::system::error_code error;
  size_t count = 0;
  if (tls_) {
    std::tie(error, count) = co_await tls_->ReadSome(buffer);
  } else {
    std::tie(error, count) = co_await socket_.async_read_some(buffer, kAwait);
  }
  // Peers often close TCP without TLS's close_notify; that is fine, because HTTP frames messages.
  if (error == asio::error::eof || error == asio::ssl::error::stream_truncated) co_return 0;
  if (error) co_return Error(error);
  deadline_ = SteadyTime::max();
  co_return count;
}

Awaitable<absl::Status> Transport::WaitReadable(SteadyTime deadline) {
  if (HasPending()) co_return absl::OkStatus();
  deadline_ = deadline;
  const auto [error] = co_await socket_.async_wait(Socket::wait_read, kAwait);
  if (error) co_return Error(error);
  deadline_ = SteadyTime::max();
  co_return absl::OkStatus();
}

Awaitable<absl::Status> Transport::Write(asio::const_buffer first, asio::const_buffer second,
                                         std::chrono::milliseconds progress_timeout,
                                         SteadyTime latest) {
  std::array<asio::const_buffer, 2> buffers = {first, second};
  while (buffers[0].size() + buffers[1].size() > 0) {
    deadline_ = std::min(After(progress_timeout), latest);
    boost::system::error_code error;
    size_t count = 0;
    if (tls_) {
      std::tie(error, count) = co_await tls_->WriteSome(buffers);
    } else {
      std::tie(error, count) = co_await socket_.async_write_some(buffers, kAwait);
    }
    bytes_written_ += count;
    if (error) co_return Error(error);
    const size_t from_first = std::min(count, buffers[0].size());
    buffers[0] += from_first;
    buffers[1] += count - from_first;
  }
  deadline_ = SteadyTime::max();
  co_return absl::OkStatus();
}

Awaitable<absl::Status> Transport::SendFile(FileReader& files, int descriptor, int64_t offset,
                                            int64_t length,
                                            std::chrono::milliseconds progress_timeout) {
  std::vector<char> buffer(tls_ ? base::kChunkBytes : 0);
  // Bytes before this are in memory, unless it was long ago that they were.
  int64_t in_memory_until = offset;
  SteadyTime looked = std::chrono::steady_clock::now();
  while (length > 0) {
    const int64_t part = std::min(kSendFileBytes, length);
    if (offset + part > in_memory_until) {
      const int64_t size = offset + part - in_memory_until;
      if (!files.InMemory(descriptor, in_memory_until, size)) {
        absl::Status status = co_await files.Fetch(descriptor, in_memory_until, size);
        if (!status.ok()) co_return status;
      }
      in_memory_until = offset + part;
      looked = std::chrono::steady_clock::now();
    }
    if (tls_) {
      const size_t want = std::min<size_t>(buffer.size(), static_cast<size_t>(part));
      const ssize_t got = ::pread(descriptor, buffer.data(), want, offset);
      if (got < 0) co_return absl::DataLossError(absl::StrCat("pread: ", std::strerror(errno)));
      if (got == 0) co_return absl::DataLossError("the stored file is shorter than its record");
      const asio::const_buffer bytes(buffer.data(), static_cast<size_t>(got));
      absl::Status status = co_await Write(bytes, asio::const_buffer(), progress_timeout);
      if (!status.ok()) co_return status;
      offset += got;
      length -= got;
    } else {
      off_t position = offset;
      const ssize_t sent =
          ::sendfile(socket_.native_handle(), descriptor, &position, static_cast<size_t>(part));
      if (sent > 0) {
        bytes_written_ += static_cast<uint64_t>(sent);
        offset += sent;
        length -= sent;
        if (length > 0) co_await asio::post(asio::use_awaitable_t<Executor>{});
        continue;
      }
      if (sent == 0) co_return absl::DataLossError("the stored file is shorter than its record");
      if (errno == EINTR) continue;
      // The error is the file's, not the socket's.
      if (errno == EIO) {
        co_return absl::DataLossError("cannot read the stored file: Input/output error");
      }
      if (errno != EAGAIN) {
        co_return absl::CancelledError(absl::StrCat("connection lost: ", std::strerror(errno)));
      }
      deadline_ = After(progress_timeout);
      const auto [error] = co_await socket_.async_wait(Socket::wait_write, kAwait);
      if (error) co_return Error(error);
    }
    // A slow client gives the kernel time to forget what was read for it.
    if (std::chrono::steady_clock::now() - looked > kMemoryTrust) in_memory_until = offset;
  }
  deadline_ = SteadyTime::max();
  co_return absl::OkStatus();
}

Awaitable<void> Transport::ShutdownSend(SteadyTime deadline) {
  boost::system::error_code error;
  if (tls_) {
    deadline_ = deadline;
    // Ignore the result: the connection ends either way.
    error = co_await tls_->Shutdown();
  }
  socket_.shutdown(Socket::shutdown_send, error);
}

std::string Transport::LocalAddress() const {
  boost::system::error_code error;
  const auto local = socket_.local_endpoint(error);
  if (error) return "";
  const asio::ip::address address = Unmapped(local.address());
  if (address.is_v4()) return absl::StrCat(address.to_string(), ":", local.port());
  // A zone is local to this machine, and URLs must not contain it unencoded.
  asio::ip::address_v6 v6 = address.to_v6();
  v6.scope_id(0);
  return absl::StrCat("[", v6.to_string(), "]:", local.port());
}

void Transport::CancelWait() {
  boost::system::error_code error;
  socket_.cancel(error);
}

bool Transport::HasUnreadBytes() const {
  boost::system::error_code error;
  if (tls_ && tls_->HasPending()) return true;
  return socket_.available(error) > 0 && !error;
}

void Transport::Close() {
  boost::system::error_code error;
  socket_.close(error);
}

}  // namespace registry::http
