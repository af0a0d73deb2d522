// Turns the bytes of a connection into a Request, without the connection.
//
// Not thread-safe. Source: RFC 9112.
#ifndef REGISTRY_BASE_HTTP_REQUEST_PARSER_H_
#define REGISTRY_BASE_HTTP_REQUEST_PARSER_H_

#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <optional>
#include <string>

#include "base/http/message.h"

namespace registry::http {

using RequestParser = boost::beast::http::request_parser<boost::beast::http::buffer_body>;

// Sets the limits of a new parser. The reader of a body limits the body.
void SetLimits(RequestParser& parser, size_t max_header_bytes);

// Moves the request of a parser whose header is complete into `request`. The caller must still set
// the fields that only the connection knows. The parser keeps its state for the body.
void TakeRequest(RequestParser& parser, Request& request);

// Returns true if a Host header may contain the character: of a name, an IPv4 or IPv6 address, or a
// port (RFC 3986, 3.2.2).
bool IsHostCharacter(char c);

// Returns the memory that the request's header takes.
size_t HeaderMemoryOf(const Request& request);

// The reason to refuse a request and close the connection.
struct Refusal {
  int status;
  std::string reason;
};

// Refuses a parsed request unless it names exactly one host, expects nothing unknown, and its body
// has an unambiguous end; nullopt if it is fine. Sources: RFC 9112 sections 3.2 and 6, RFC 9110
// section 10.1.1.
std::optional<Refusal> CheckHeader(const RequestParser& parser, const Request& request);

}  // namespace registry::http

#endif  // REGISTRY_BASE_HTTP_REQUEST_PARSER_H_
