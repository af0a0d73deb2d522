// Writes the head of a response: the status line and the headers, with the Date that every answer
// carries (RFC 9110, 6.6.1). All answers of the server are written here.
//
// Thread-safe. Source: RFC 9112, sections 4 to 6.
#ifndef REGISTRY_GATEWAY_HTTP_RESPONSE_HEAD_H_
#define REGISTRY_GATEWAY_HTTP_RESPONSE_HEAD_H_

#include <string>

#include "absl/strings/string_view.h"
#include "gateway/http/message.h"

namespace registry::gateway {

// The head up to its empty line. A chunked body has no Content-Length. `connection` is the value of
// that header; empty leaves it out.
std::string FormatResponseHead(const ResponseHead& head, bool chunked,
                               absl::string_view connection);

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_HTTP_RESPONSE_HEAD_H_
