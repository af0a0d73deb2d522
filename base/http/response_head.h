// Formats the head of every response of the server: the status line and the headers, including Date
// (RFC 9110, 6.6.1).
//
// Thread-safe. Source: RFC 9112, sections 4 to 6.
#ifndef REGISTRY_BASE_HTTP_RESPONSE_HEAD_H_
#define REGISTRY_BASE_HTTP_RESPONSE_HEAD_H_

#include <string>

#include "absl/strings/string_view.h"
#include "base/http/message.h"

namespace registry::http {

// Returns the head including its empty line. A chunked body has no Content-Length. `connection` is
// the value of that header; if empty, the head omits it.
std::string FormatResponseHead(const ResponseHead& head, bool chunked,
                               absl::string_view connection);

}  // namespace registry::http

#endif  // REGISTRY_BASE_HTTP_RESPONSE_HEAD_H_
