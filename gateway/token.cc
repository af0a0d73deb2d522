// GET /token: a bearer token for the credential at hand. Source: the Docker token specification
// (distribution docs, spec/auth/token).
#include <boost/json.hpp>

#include "absl/time/time.h"
#include "gateway/error_response.h"
#include "gateway/handler.h"
#include "oci/error.h"
#include "oci/scope.h"

namespace registry::gateway {

Awaitable<absl::Status> GetToken(Context context) {
  const Request& request = context.request();
  v1::IssueTokenRequest query;
  *query.mutable_credential() = context.credential;
  query.set_service(std::string(kTokenService));
  query.set_client_address(request.client_address);
  for (const std::string& parameter : request.QueryParameters("scope")) {
    for (const oci::Scope& scope : oci::ParseScopes(parameter)) {
      v1::TokenScope& wanted = *query.add_scopes();
      wanted.set_type(scope.type);
      wanted.set_name(scope.name);
      wanted.mutable_actions()->Add(scope.actions.begin(), scope.actions.end());
    }
  }
  const absl::StatusOr<v1::IssueTokenResponse> issued =
      co_await context.planes.control_plane.IssueToken(std::move(query));
  if (!issued.ok()) {
    Response refusal = ErrorResponse(issued.status(), context.route);
    if (refusal.head.status == 401) {
      refusal.head.Set("WWW-Authenticate", "Basic realm=\"simple-registry\", charset=\"UTF-8\"");
    }
    co_return co_await context.exchange.Send(std::move(refusal));
  }
  const absl::Time issued_at = absl::FromUnixSeconds(issued->issued_at().seconds());
  boost::json::object body;
  body["token"] = issued->token();
  body["access_token"] = issued->token();
  body["expires_in"] = issued->expires_at().seconds() - issued->issued_at().seconds();
  body["issued_at"] = absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", issued_at, absl::UTCTimeZone());
  Response response;
  response.head.Set("Content-Type", "application/json").Set("Cache-Control", "no-store");
  response.body = boost::json::serialize(body);
  co_return co_await context.exchange.Send(std::move(response));
}

}  // namespace registry::gateway
