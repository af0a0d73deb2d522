// Errors as the specification wants them: {"errors":[{"code","message","detail"}]}.
//
// Thread-safe. Source: distribution-spec spec.md#error-codes.
#ifndef REGISTRY_GATEWAY_ERROR_RESPONSE_H_
#define REGISTRY_GATEWAY_ERROR_RESPONSE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "gateway/http/message.h"
#include "gateway/route.h"

namespace registry::gateway {

// Fields of `detail`.
using ErrorDetail = std::vector<std::pair<absl::string_view, std::string>>;

// HTTP status and body come from oci::ToHttpError; `detail` names repository and reference of the
// route, and has the fields of `more`. The reason stands whole in `message`, because that is what
// clients print.
Response ErrorResponse(const absl::Status& status, const Route& route,
                       const ErrorDetail& more = {});

// For what has an HTTP status but no status of ours: malformed HTTP, 404, 405, 413.
Response ErrorResponse(int http_status, absl::string_view code, absl::string_view message);

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_ERROR_RESPONSE_H_
