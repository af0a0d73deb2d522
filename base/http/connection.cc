#include "base/http/connection.h"

#include <algorithm>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/http/response_head.h"

namespace registry::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;

asio::const_buffer ToBuffer(absl::string_view text) { return {text.data(), text.size()}; }

}  // namespace

Connection::Connection(Socket socket, std::string peer_address, asio::ssl::context* tls,
                       const ConnectionOptions& options, HeaderMemory& header_memory,
                       const Handler& handler, const ErrorResponder& error_responder,
                       const bool& draining)
    : transport_(std::move(socket), std::move(peer_address), tls),
      options_(options),
      handler_(handler),
      error_responder_(error_responder),
      draining_(draining),
      proxy_trust_(options.trusted_proxies.TrustIn(transport_.peer_address())),
      memory_(header_memory, [this] { transport_.Close(); }),
      // Beast parses a header only once the buffer has all of it.
      buffer_(std::max(base::kChunkBytes, options.max_header_bytes + 4096)) {}

Awaitable<void> Connection::Run() {
  // While draining, nothing may be left to end a slow handshake.
  if (draining_) co_return;
  bool goes_on = co_await Handshake();
  while (true) {
    if (!goes_on) {
      if (!linger_) break;
      co_await EndSending();
    }
    if (buffer_.size() == 0) {
      // Most connections wait most of the time: for a request, for the rest of a body that nobody
      // wants, for the peer to close. They wait here, where they hold neither a buffer, nor their
      // last request, nor the frames of more coroutines.
      ForgetRequest();
      idle_ = unread_bytes_ == 0;
      if (idle_ && draining_ && !transport_.HasUnreadBytes()) break;
      if (!transport_.HasPending()) {
        const auto [error] = co_await transport_.WaitForSocket(idle_ ? After(options_.idle_timeout)
                                                                     : DiscardDeadline());
        if (error) break;
      }
    }
    if (unread_bytes_ > 0) {
      goes_on = co_await Discard();
    } else {
      goes_on = co_await ServeOne();
    }
  }
  transport_.Close();
}

Awaitable<bool> Connection::Handshake() {
  const absl::Status handshake = co_await transport_.Handshake(After(options_.header_timeout));
  if (absl::IsFailedPrecondition(handshake)) {
    co_await RefuseMalformed(400, "this port speaks HTTPS: use https:// instead of http://");
  }
  co_return handshake.ok();
}

void Connection::CloseIfLate(SteadyTime now) {
  if (now >= transport_.deadline()) transport_.Close();
}

void Connection::CloseIfIdle() {
  // A request that has arrived but was not read yet is in progress, too. So this only cancels the
  // wait, which has no effect if the wait is already over.
  if (idle_ && !transport_.HasUnreadBytes()) transport_.CancelWait();
}

void Connection::ForgetRequest() {
  current_.reset();
  buffer_.consume(buffer_.size());
  buffer_.shrink_to_fit();
  memory_.EndReading();
  memory_.Hold(0);
}

Awaitable<bool> Connection::ServeOne() {
  const bool has_header = co_await ReadHeader();
  if (!has_header) co_return false;
  PrepareRequest();
  const std::optional<Refusal> refusal = CheckHeader(current_->parser, current_->request);
  if (refusal) {
    co_await RefuseMalformed(refusal->status, refusal->reason);
    co_return false;
  }
  if (!memory_.Hold(buffer_.capacity() + HeaderMemoryOf(current_->request))) {
    co_await RefuseMalformed(503, std::string(kNoHeaderMemory));
    co_return false;
  }
  continue_expected_ = current_->request.HasHeader("Expect") && current_->request.has_body &&
                       current_->request.head.version() >= 11;
  co_await handler_(*this);
  co_return co_await FinishExchange();
}

void Connection::PrepareRequest() {
  keep_alive_ = current_->parser.keep_alive();
  TakeRequest(current_->parser, current_->request);
  current_->request.proxy_trust = proxy_trust_;
  current_->request.client_address =
      proxy_trust_ == ProxyTrust::kAll
          ? options_.trusted_proxies.ClientAddress(transport_.peer_address(),
                                                   current_->request.HeaderLines("X-Forwarded-For"),
                                                   current_->request.HeaderLines("Forwarded"))
          : transport_.peer_address();
  current_->request.secure = transport_.secure();
  current_->request.public_url = options_.public_url;
  if (current_->request.Header("Host").empty())
    current_->request.local_address = transport_.LocalAddress();
}

Awaitable<absl::StatusOr<std::string>> Connection::ReadBody(size_t max_bytes) {
  if (lost_ || malformed_) co_return absl::CancelledError("connection lost");
  if (continue_expected_) {
    continue_expected_ = false;
    absl::Status status = co_await transport_.Write(ToBuffer("HTTP/1.1 100 Continue\r\n\r\n"),
                                                    asio::const_buffer(), options_.body_timeout);
    if (!status.ok()) co_return status;
  }
  std::string part;
  while (!current_->parser.is_done()) {
    // Combines many small chunks from the client into one part.
    const size_t before = part.size();
    const size_t more = std::min(max_bytes - before, buffer_.size());
    if (more > 0) {
      part.resize(before + more);
      auto& body = current_->parser.get().body();
      body.data = part.data() + before;
      body.size = more;
      beast::error_code error;
      buffer_.consume(current_->parser.put(buffer_.data(), error));
      part.resize(part.size() - body.size);
      if (error && error != beast::http::error::need_more &&
          error != beast::http::error::need_buffer) {
        malformed_ = true;
        co_return MalformedBody(absl::StrCat("malformed request body: ", error.message()));
      }
      if (error != beast::http::error::need_more && part.size() < max_bytes) continue;
    }
    if (!part.empty()) co_return part;
    if (!transport_.HasUnreadBytes()) {
      // A slow client, or one that never sends its body, occupies no buffer.
      buffer_.shrink_to_fit();
      absl::Status readable = co_await transport_.WaitReadable(After(options_.body_timeout));
      if (!readable.ok()) {
        lost_ = true;
        co_return readable;
      }
    }
    // A TLS record has at most 16 KiB.
    const size_t at_once = transport_.secure() ? 16 * 1024 : base::kChunkBytes;
    const size_t room = std::min(
        {at_once, std::max(max_bytes, base::kSmallReadBytes), buffer_.max_size() - buffer_.size()});
    if (room == 0) {
      malformed_ = true;
      co_return MalformedBody("malformed request body: a chunk's header is too long");
    }
    absl::StatusOr<size_t> count =
        co_await transport_.ReadSome(buffer_.prepare(room), After(options_.body_timeout));
    if (!count.ok()) {
      lost_ = true;
      co_return count.status();
    }
    if (*count == 0) {
      // The client may have closed only its sending side.
      malformed_ = true;
      co_return MalformedBody("the request's body is incomplete: the client ended it early");
    }
    buffer_.commit(*count);
  }
  co_return part;
}

// Reading the rest of a small body is cheaper than a new connection. A client that waits for "100
// Continue" may or may not send its body now, so its connection cannot continue.
bool Connection::MayKeepAlive() const {
  if (!keep_alive_ || draining_ || lost_ || malformed_) return false;
  if (current_->parser.is_done()) return true;
  if (continue_expected_ || !current_->request.content_length) return false;
  const auto remaining = current_->parser.content_length_remaining();
  return remaining && *remaining <= options_.max_discarded_bytes;
}

std::string Connection::FormatHead(const ResponseHead& head) const {
  absl::string_view connection;
  if (!keep_alive_) {
    connection = "close";
  } else if (current_->request.head.version() < 11) {
    connection = "keep-alive";
  }
  return FormatResponseHead(head, chunked_response_, connection);
}

void Connection::CountBodyBytes(uint64_t written_before, size_t overhead_before, size_t size) {
  const uint64_t written = transport_.bytes_written() - written_before;
  if (written > overhead_before) {
    body_bytes_sent_ += std::min<uint64_t>(written - overhead_before, size);
  }
}

Awaitable<absl::Status> Connection::Send(Response response) {
  if (!response.head.content_length && response.head.status != 204 && response.head.status != 304) {
    response.head.content_length = response.body.size();
  }
  keep_alive_ = MayKeepAlive();
  chunked_response_ = false;
  status_sent_ = response.head.status;
  const std::string head = FormatHead(response.head);
  const absl::string_view body =
      current_->request.method() == "HEAD" ? absl::string_view() : absl::string_view(response.body);
  body_bytes_promised_ = body.size();
  const uint64_t before = transport_.bytes_written();
  const SteadyTime latest =
      After(options_.body_timeout) +
      std::chrono::seconds(body.size() / options_.min_answer_bytes_per_second);
  absl::Status status =
      co_await transport_.Write(ToBuffer(head), ToBuffer(body), options_.body_timeout, latest);
  CountBodyBytes(before, head.size(), body.size());
  lost_ = lost_ || !status.ok();
  co_return status;
}

Awaitable<absl::Status> Connection::SendHead(ResponseHead head) {
  keep_alive_ = MayKeepAlive();
  const bool body_follows = current_->request.method() != "HEAD";
  chunked_response_ = !head.content_length && current_->request.head.version() >= 11;
  // HTTP/1.0 has no chunks: closing the connection ends the body.
  if (!head.content_length && !chunked_response_) keep_alive_ = false;
  status_sent_ = head.status;
  const std::string text = FormatHead(head);
  if (!body_follows) chunked_response_ = false;
  body_bytes_promised_ = body_follows ? head.content_length.value_or(0) : 0;
  absl::Status status =
      co_await transport_.Write(ToBuffer(text), asio::const_buffer(), options_.body_timeout);
  lost_ = lost_ || !status.ok();
  co_return status;
}

Awaitable<absl::Status> Connection::SendBody(absl::string_view bytes) {
  if (current_->request.method() == "HEAD" || bytes.empty()) co_return absl::OkStatus();
  const std::string chunk_head =
      chunked_response_ ? absl::StrCat(absl::Hex(bytes.size()), "\r\n") : std::string();
  const uint64_t before = transport_.bytes_written();
  absl::Status status =
      co_await transport_.Write(ToBuffer(chunk_head), ToBuffer(bytes), options_.body_timeout);
  CountBodyBytes(before, chunk_head.size(), bytes.size());
  if (status.ok() && chunked_response_) {
    status =
        co_await transport_.Write(ToBuffer("\r\n"), asio::const_buffer(), options_.body_timeout);
  }
  lost_ = lost_ || !status.ok();
  co_return status;
}

Awaitable<absl::Status> Connection::SendFile(int descriptor, int64_t offset, int64_t length) {
  if (current_->request.method() == "HEAD") co_return absl::OkStatus();
  const uint64_t before = transport_.bytes_written();
  absl::Status status = co_await transport_.SendFile(*options_.files, descriptor, offset, length,
                                                     options_.body_timeout);
  CountBodyBytes(before, 0, static_cast<size_t>(length));
  lost_ = lost_ || !status.ok();
  co_return status;
}

Awaitable<bool> Connection::FinishExchange() {
  if (status_sent_ == 0 && !lost_) {
    co_await RefuseMalformed(500, "the request was not answered");
    co_return false;
  }
  if (lost_) co_return false;
  if (chunked_response_) {
    const absl::Status status = co_await transport_.Write(
        ToBuffer("0\r\n\r\n"), asio::const_buffer(), options_.body_timeout);
    if (!status.ok()) co_return false;
  } else if (body_bytes_sent_ < body_bytes_promised_) {
    // Only closing the connection can tell the client that the body is incomplete.
    co_return false;
  }
  linger_ = !keep_alive_;
  // MayKeepAlive has seen that the rest has a known length.
  if (keep_alive_ && !current_->parser.is_done()) {
    unread_bytes_ = current_->parser.content_length_remaining().value_or(0);
  }
  co_return keep_alive_;
}

SteadyTime Connection::DiscardDeadline() const {
  return std::min(After(options_.body_timeout), linger_until_);
}

Awaitable<bool> Connection::Discard() {
  if (buffer_.size() == 0) {
    const absl::StatusOr<size_t> count =
        co_await transport_.ReadSome(buffer_.prepare(base::kSmallReadBytes), DiscardDeadline());
    if (!count.ok() || *count == 0) co_return false;
    buffer_.commit(*count);
  }
  const size_t dropped = std::min<uint64_t>(unread_bytes_, buffer_.size());
  buffer_.consume(dropped);
  unread_bytes_ -= dropped;
  co_return true;
}

Awaitable<void> Connection::RefuseMalformed(int status, std::string reason) {
  Response response = error_responder_(status, reason);
  keep_alive_ = false;
  chunked_response_ = false;
  status_sent_ = status;
  response.head.content_length = response.body.size();
  // Of a malformed header the parser may know the method already.
  const bool head_only =
      current_ != nullptr && (current_->request.method() == "HEAD" ||
                              current_->parser.get().method() == beast::http::verb::head);
  if (head_only) response.body.clear();
  const std::string head = FormatHead(response.head);
  // The remaining steps wait for the client, and do not need the request.
  ForgetRequest();
  const absl::Status sent =
      co_await transport_.Write(ToBuffer(head), ToBuffer(response.body), options_.body_timeout);
  linger_ = sent.ok();
}

// Closing a socket with unread bytes resets the connection, and the peer may lose a response that
// it has not read yet (RFC 9112, section 9.6).
Awaitable<void> Connection::EndSending() {
  linger_ = false;
  linger_until_ = After(options_.linger_timeout);
  unread_bytes_ = std::numeric_limits<uint64_t>::max();
  co_await transport_.ShutdownSend(linger_until_);
}

}  // namespace registry::http
