#include "gateway/api/error_response.h"

#include <boost/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/http/exchange.h"
#include "base/retry_delay.h"
#include "oci/error.h"

namespace registry::gateway {
namespace {

namespace json = boost::json;

json::string_view ToJson(absl::string_view text) { return {text.data(), text.size()}; }

// For overload, which is temporary.
constexpr std::chrono::seconds kDefaultRetryDelay{1};

http::Response Make(int http_status, absl::string_view code, absl::string_view message,
                    json::object detail, std::chrono::seconds retry_delay = kDefaultRetryDelay) {
  json::object error;
  error["code"] = ToJson(code);
  // gRPC's own errors may have no message.
  error["message"] = message.empty() ? "internal error: see the registry's log" : ToJson(message);
  error["detail"] = std::move(detail);
  json::object body;
  body["errors"] = json::array({std::move(error)});
  http::Response response;
  response.head.status = http_status;
  response.head.Set("Content-Type", "application/json");
  if (http_status == 503 || http_status == 429) {
    response.head.Set("Retry-After", absl::StrCat(retry_delay.count()));
  }
  response.body = json::serialize(body);
  return response;
}

oci::HttpError ToHttpError(const absl::Status& status) {
  if (!http::IsMalformedBody(status)) return oci::ToHttpError(status);
  return oci::ToHttpError(oci::MakeError(oci::ErrorCode::kSizeInvalid, status.message()));
}

}  // namespace

http::Response ErrorResponse(const absl::Status& status, const Route& route,
                             const ErrorDetail& more) {
  const oci::HttpError error = ToHttpError(status);
  json::object detail;
  if (!route.repository.empty()) detail["name"] = route.repository;
  // Invalid UTF-8 in the reference would make the whole body invalid; the message escapes it.
  const bool ascii = std::all_of(route.reference.begin(), route.reference.end(),
                                 [](char c) { return c >= 0x20 && c < 0x7f; });
  if (!route.reference.empty() && ascii) detail["reference"] = route.reference;
  for (const auto& [field, value] : more) detail[ToJson(field)] = value;
  return Make(error.status, error.code, status.message(), std::move(detail),
              base::RetryDelayOf(status).value_or(kDefaultRetryDelay));
}

http::Response ErrorResponse(int http_status, absl::string_view code, absl::string_view message) {
  return Make(http_status, code, message, {});
}

}  // namespace registry::gateway
