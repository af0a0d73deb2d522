// Implements reading the header of a request in Connection.
#include <algorithm>
#include <boost/beast/http/error.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/http/connection.h"

namespace registry::http {
namespace {

namespace beast = boost::beast;

// A read of fewer bytes is not worth the system call.
constexpr size_t kLeastRead = 256;

int StatusOfParseError(const beast::error_code& error) {
  if (error == beast::http::error::header_limit) return 431;
  if (error == beast::http::error::bad_version) return 505;
  return 400;
}

}  // namespace

Awaitable<bool> Connection::ReadHeader() {
  current_ = std::make_unique<Current>();
  SetLimits(current_->parser, options_.max_header_bytes);
  malformed_ = false;
  status_sent_ = 0;
  body_bytes_sent_ = 0;
  continue_expected_ = false;

  if (!memory_.Hold(buffer_.capacity())) co_return false;
  // True if a pipelined request has already begun.
  if (!idle_) memory_.BeginReading();
  const SteadyTime deadline = After(options_.header_timeout);
  while (true) {
    // Empty lines before a request are ignored (RFC 9112, 2.2).
    while (!current_->parser.got_some() && buffer_.size() > 0 &&
           (*static_cast<const char*>(buffer_.data().data()) == '\r' ||
            *static_cast<const char*>(buffer_.data().data()) == '\n')) {
      buffer_.consume(1);
    }
    if (!current_->parser.got_some() && !transport_.secure() && buffer_.size() > 0 &&
        *static_cast<const char*>(buffer_.data().data()) == kTlsHandshake) {
      // In plain HTTP, so that clients such as docker recognize it.
      co_await RefuseMalformed(400,
                               "this port speaks HTTP without TLS: use http:// instead of "
                               "https://");
      co_return false;
    }
    if (buffer_.size() > 0) {
      beast::error_code error;
      buffer_.consume(current_->parser.put(buffer_.data(), error));
      if (current_->parser.is_header_done()) {
        memory_.EndReading();
        if (buffer_.size() == 0) buffer_.shrink_to_fit();
        co_return true;
      }
      if (error && error != beast::http::error::need_more) {
        co_await RefuseMalformed(StatusOfParseError(error),
                                 absl::StrCat("malformed HTTP request: ", error.message()));
        co_return false;
      }
    }
    const bool read = co_await ReadHeaderPart(deadline);
    if (!read) co_return false;
  }
}

Awaitable<bool> Connection::ReadHeaderPart(SteadyTime deadline) {
  // A header that does not end within the buffer is over the limit, even if Beast waits for more.
  const size_t room = buffer_.max_size() - buffer_.size();
  if (room == 0) {
    co_await RefuseMalformed(431, "the request's header is too large");
    co_return false;
  }
  // The buffer doubles when the client has filled it: its capacity is what the pool gives.
  const size_t spare = buffer_.capacity() - buffer_.size();
  const size_t want =
      std::min(spare >= kLeastRead ? spare : std::max<size_t>(buffer_.size(), 2048), room);
  const auto buffer = buffer_.prepare(want);
  // Until its first byte arrives, a connection is idle, and its small buffer does not count.
  bool has_room = idle_ || memory_.Hold(buffer_.capacity());
  if (has_room) {
    const absl::StatusOr<size_t> count = co_await transport_.ReadSome(buffer, deadline);
    if (!count.ok() || *count == 0) co_return false;
    buffer_.commit(*count);
    if (std::exchange(idle_, false)) {
      memory_.BeginReading();
      has_room = memory_.Hold(buffer_.capacity());
    }
  }
  if (!has_room) co_await RefuseMalformed(503, std::string(kNoHeaderMemory));
  co_return has_room;
}

}  // namespace registry::http
