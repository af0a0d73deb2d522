// Error responses in the specification's format: {"errors":[{"code","message","detail"}]}.
//
// Thread-safe. Source: distribution-spec spec.md#error-codes.
#ifndef REGISTRY_GATEWAY_API_ERROR_RESPONSE_H_
#define REGISTRY_GATEWAY_API_ERROR_RESPONSE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/http/message.h"
#include "gateway/api/route.h"

namespace registry::gateway {

// Fields of `detail`.
using ErrorDetail = std::vector<std::pair<absl::string_view, std::string>>;

// oci::ToHttpError gives the HTTP status and code; a malformed body is SIZE_INVALID. `detail` names
// the route's repository and reference, and has the fields of `more`. `message` has the whole
// reason, because clients print it.
http::Response ErrorResponse(const absl::Status& status, const Route& route,
                             const ErrorDetail& more = {});

// For errors with an HTTP status but no absl::Status: malformed HTTP, 404, 405, 413.
http::Response ErrorResponse(int http_status, absl::string_view code, absl::string_view message);

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_API_ERROR_RESPONSE_H_
