// The token service. GET /token issues a bearer token for the request's credential; POST /token
// does the same with an OAuth 2 form, also for a refresh token. Source: the Docker token
// specification (distribution docs, spec/auth/token and spec/auth/oauth).
#include <boost/json.hpp>
#include <chrono>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "base/limits.h"
#include "base/quote.h"
#include "base/utf8.h"
#include "gateway/access/credential.h"
#include "gateway/api/error_response.h"
#include "gateway/api/handler.h"
#include "oci/error.h"
#include "oci/scope.h"

namespace registry::gateway {
namespace {

void AddScopes(const std::vector<std::string>& parameters, v1::IssueTokenRequest& request) {
  for (const std::string& parameter : parameters) {
    for (const oci::Scope& scope : oci::ParseScopes(parameter)) {
      v1::TokenScope& wanted = *request.add_scopes();
      wanted.set_type(scope.type);
      wanted.set_name(scope.name);
      wanted.mutable_actions()->Add(scope.actions.begin(), scope.actions.end());
    }
  }
}

// The fields that both responses share.
boost::json::object TokenBody(const v1::IssueTokenResponse& issued) {
  const absl::Time issued_at = absl::FromUnixSeconds(issued.issued_at().seconds());
  boost::json::object body;
  body["access_token"] = issued.token();
  body["expires_in"] = issued.expires_at().seconds() - issued.issued_at().seconds();
  body["issued_at"] = absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", issued_at, absl::UTCTimeZone());
  if (!issued.refresh_token().empty()) body["refresh_token"] = issued.refresh_token();
  return body;
}

http::Response TokenResponse(const boost::json::object& body) {
  http::Response response;
  response.head.Set("Content-Type", "application/json").Set("Cache-Control", "no-store");
  response.body = boost::json::serialize(body);
  return response;
}

// `share` holds what the form takes in memory.
http::Awaitable<absl::StatusOr<std::string>> ReadForm(http::Exchange& exchange,
                                                      MemoryBudget::Share& share) {
  if (!absl::StartsWithIgnoreCase(exchange.request().Header("Content-Type"),
                                  "application/x-www-form-urlencoded")) {
    co_return oci::MakeError(oci::ErrorCode::kQueryInvalid,
                             "POST /token takes a form: application/x-www-form-urlencoded");
  }
  // Clients could otherwise send a byte a minute, and hold their share of the memory for hours.
  const auto deadline = std::chrono::steady_clock::now() + base::kFormTimeout;
  std::string form;
  while (true) {
    if (std::chrono::steady_clock::now() > deadline) {
      co_return absl::DeadlineExceededError(
          absl::StrCat("the form did not arrive within ", base::kFormTimeout.count(), " s"));
    }
    const absl::StatusOr<std::string> part = co_await exchange.ReadBody(base::kSmallReadBytes);
    if (!part.ok()) co_return part.status();
    if (part->empty()) break;
    if (!share.Grow(part->size())) {
      co_return absl::UnavailableError("clients are sending too many forms; try again");
    }
    form += *part;
    if (form.size() > base::kMaxFormBytes) {
      co_return oci::MakeError(
          oci::ErrorCode::kQueryInvalid,
          absl::StrCat("the form has more than ", base::kMaxFormBytes, " bytes"));
    }
  }
  const std::optional<std::string> decoded = http::PercentDecode(form, /*plus_is_space=*/true);
  if (!decoded.has_value()) {
    co_return oci::MakeError(oci::ErrorCode::kQueryInvalid,
                             "invalid percent-encoding in the form: expected % and two hex digits");
  }
  if (!base::IsUtf8Text(*decoded)) {
    co_return oci::MakeError(oci::ErrorCode::kQueryInvalid, "the form is not UTF-8 text");
  }
  co_return form;
}

// The form says that user name and password are empty: an anonymous client, as with an empty
// Authorization header. A form without them lacks its credential instead.
bool IsAnonymous(absl::string_view form) {
  const std::vector<std::string> empty = {""};
  return http::FormValues(form, "username") == empty && http::FormValues(form, "password") == empty;
}

// A value of the form; empty when absent.
std::string FormValue(absl::string_view form, absl::string_view name) {
  std::vector<std::string> values = http::FormValues(form, name);
  return values.empty() ? std::string() : std::move(values.front());
}

// The form's credential, according to its grant type.
absl::StatusOr<v1::Credential> FormCredential(absl::string_view form) {
  const std::string grant_type = FormValue(form, "grant_type");
  v1::Credential credential;
  if (grant_type == "password") {
    if (IsAnonymous(form)) return credential;
    credential.mutable_basic()->set_username(FormValue(form, "username"));
    credential.mutable_basic()->set_password(FormValue(form, "password"));
  } else if (grant_type == "refresh_token") {
    credential.set_refresh_token(FormValue(form, "refresh_token"));
  } else {
    return oci::MakeError(oci::ErrorCode::kQueryInvalid,
                          absl::StrCat("the form's grant_type is ", base::Quote(grant_type),
                                       "; supported: password, refresh_token"));
  }
  return credential;
}

}  // namespace

http::Awaitable<absl::Status> RefuseToken(http::Exchange& exchange, const Route& route,
                                          absl::Status reason) {
  http::Response refusal = ErrorResponse(reason, route);
  if (refusal.head.status == 401) {
    refusal.head.Set("WWW-Authenticate", "Basic realm=\"simple-registry\", charset=\"UTF-8\"");
  }
  co_return co_await exchange.Send(std::move(refusal));
}

http::Awaitable<absl::Status> GetToken(Context context) {
  const http::Request& request = context.request();
  const auto query = [&] {
    v1::IssueTokenRequest query;
    *query.mutable_credential() = context.credential;
    query.set_service(std::string(oci::kTokenService));
    query.set_client_address(request.client_address);
    query.set_offline(request.QueryParameter("offline_token").value_or("") == "true");
    AddScopes(request.QueryParameters("scope"), query);
    return query;
  };
  const absl::StatusOr<v1::IssueTokenResponse> issued =
      co_await context.planes.access.IssueToken(query);
  if (!issued.ok()) {
    co_return co_await RefuseToken(context.exchange, context.route, issued.status());
  }
  boost::json::object body = TokenBody(*issued);
  body["token"] = issued->token();
  co_return co_await context.exchange.Send(TokenResponse(body));
}

http::Awaitable<absl::Status> PostToken(Context context) {
  MemoryBudget::Share share(context.planes.form_budget, 0);
  const absl::StatusOr<std::string> form = co_await ReadForm(context.exchange, share);
  if (!form.ok()) co_return form.status();
  const absl::StatusOr<v1::Credential> credential = FormCredential(*form);
  if (!credential.ok()) co_return credential.status();
  const auto query = [&] {
    v1::IssueTokenRequest query;
    *query.mutable_credential() = *credential;
    query.set_service(std::string(oci::kTokenService));
    query.set_client_address(context.request().client_address);
    query.set_offline(FormValue(*form, "access_type") == "offline");
    AddScopes(http::FormValues(*form, "scope"), query);
    return query;
  };
  const absl::StatusOr<v1::IssueTokenResponse> issued =
      co_await context.planes.access.IssueToken(query);
  if (!issued.ok()) {
    co_return co_await RefuseToken(context.exchange, context.route, issued.status());
  }
  boost::json::object body = TokenBody(*issued);
  const auto to_text = [](std::string* out, const v1::TokenScope& scope) {
    absl::StrAppend(out, scope.type(), ":", scope.name(), ":", absl::StrJoin(scope.actions(), ","));
  };
  body["scope"] = absl::StrJoin(issued->granted_scopes(), " ", to_text);
  co_return co_await context.exchange.Send(TokenResponse(body));
}

}  // namespace registry::gateway
