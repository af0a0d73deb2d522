// One request and its response, driven by a handler.
//
//   Awaitable<void> Echo(Exchange& exchange) {
//     co_await exchange.SendHead({.status = 200});
//     while (true) {
//       absl::StatusOr<std::string> part = co_await exchange.ReadBody(kChunkBytes);
//       if (!part.ok() || part->empty()) break;
//       co_await exchange.SendBody(*part);
//     }
//   }
//
// Reading applies back-pressure: the exchange reads ahead by at most one buffer. An error of any
// call means that the connection is lost or the client broke the protocol: the handler must give
// up. Not thread-safe: one coroutine.
#ifndef REGISTRY_BASE_HTTP_EXCHANGE_H_
#define REGISTRY_BASE_HTTP_EXCHANGE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/http/awaitable.h"
#include "base/http/message.h"

namespace registry::http {

// The error of a request's body that does not follow the syntax, or that ends too early.
absl::Status MalformedBody(absl::string_view message);
// Tells it from other errors of a handler, however the handler has got there.
bool IsMalformedBody(const absl::Status& status);

class Exchange {
 public:
  virtual ~Exchange() = default;

  virtual const Request& request() const = 0;

  // The next bytes of the request's body, at most `max_bytes`; empty at its end.
  // Answers `Expect: 100-continue` first. Errors: MalformedBody, CANCELLED (lost),
  // DEADLINE_EXCEEDED (no byte in time).
  virtual Awaitable<absl::StatusOr<std::string>> ReadBody(size_t max_bytes) = 0;

  // Sends a whole response; omits the body for HEAD.
  virtual Awaitable<absl::Status> Send(Response response) = 0;

  // Sends the head of a response whose body follows in parts. Without `content_length` the body is
  // chunked. Omits the parts for HEAD.
  virtual Awaitable<absl::Status> SendHead(ResponseHead head) = 0;
  virtual Awaitable<absl::Status> SendBody(absl::string_view bytes) = 0;
  // Sends a part of an open file; the caller still owns the descriptor.
  virtual Awaitable<absl::Status> SendFile(int descriptor, int64_t offset, int64_t length) = 0;

  // The status sent; 0 until then.
  virtual int status_sent() const = 0;
  // Bytes of the response's body that the connection took so far, also where it broke later.
  virtual uint64_t body_bytes_sent() const = 0;
};

}  // namespace registry::http

#endif  // REGISTRY_BASE_HTTP_EXCHANGE_H_
