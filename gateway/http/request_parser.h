// From the bytes of a connection to a Request, without the connection.
//
// Not thread-safe. Source: RFC 9112.
#ifndef REGISTRY_GATEWAY_HTTP_REQUEST_PARSER_H_
#define REGISTRY_GATEWAY_HTTP_REQUEST_PARSER_H_

#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <optional>

#include "absl/strings/string_view.h"
#include "gateway/http/message.h"

namespace registry::gateway {

using RequestParser = boost::beast::http::request_parser<boost::beast::http::buffer_body>;

// Sets the limits of a new parser. That of a body is its reader's matter.
void SetLimits(RequestParser& parser, size_t max_header_bytes);

// Moves the request of a parser whose header is done into `request`, which then lacks only what the
// connection knows. The parser keeps what it still needs for the body.
void TakeRequest(RequestParser& parser, Request& request);

// Why such a request must be refused, and the connection closed.
struct Refusal {
  int status;
  absl::string_view reason;
};

// Whether Transfer-Encoding leaves in doubt where the body ends: Beast knows only `chunked`, and
// ignores other codings. nullopt when all is well. Source: RFC 9112 section 6.
std::optional<Refusal> CheckTransferEncoding(const RequestParser& parser, const Request& request);

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_HTTP_REQUEST_PARSER_H_
