// The target of a request: its path finds a route, its query parameters.

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/http/message.h"
#include "gateway/api/route.h"
#include "oci/name.h"
#include "tests/fuzz/check.h"

namespace registry::gateway {
namespace {

// An equivalent path: the pattern with its variable parts.
std::string CanonicalPath(const Route& route) {
  absl::string_view tail = route.pattern;
  if (!absl::ConsumePrefix(&tail, "/v2/<name>")) return std::string(route.pattern);
  const size_t variable = tail.find('<');
  const std::string reference =
      variable == absl::string_view::npos ? "" : http::PercentEncode(route.reference);
  return absl::StrCat("/v2/", route.repository, tail.substr(0, variable), reference);
}

void CheckRoute(absl::string_view path) {
  const absl::StatusOr<Route> route = ParseRoute(path);
  if (!route.ok()) return fuzz::CheckClientError(route.status(), oci::ErrorCode::kNameInvalid);
  FUZZ_CHECK(AllowedMethods(*route).empty() == route->pattern.empty());
  FUZZ_CHECK(!absl::StrContains(route->reference, '/'));
  FUZZ_CHECK(absl::StrContains(route->pattern, "<name>") == !route->repository.empty());

  const absl::StatusOr<Route> again = ParseRoute(CanonicalPath(*route));
  FUZZ_CHECK(again.ok() && again->pattern == route->pattern);
  FUZZ_CHECK(again->repository == route->repository && again->reference == route->reference);
  if (!route->repository.empty()) {
    FUZZ_CHECK(oci::RepositoryName::Parse(route->repository).ok());
    FUZZ_CHECK(!absl::StrContains(route->repository, ".."));
  }

  int supported = 0;
  for (const char* method : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}) {
    const Endpoint* endpoint = FindEndpoint(*route, method);
    if (endpoint == nullptr) continue;
    ++supported;
    const std::vector<v1::Action> actions = RequiredActions(*endpoint, *route);
    if (route->repository.empty()) continue;
    // Every route of a repository asks the policy, and only for that repository.
    FUZZ_CHECK(endpoint->check == Check::kPolicy);
    FUZZ_CHECK(actions.size() == 1);
    FUZZ_CHECK(actions[0].repository() == route->repository);
    FUZZ_CHECK(actions[0].resource() != v1::RESOURCE_UNSPECIFIED);
    FUZZ_CHECK(actions[0].verb() != v1::VERB_UNSPECIFIED);
  }
  FUZZ_CHECK((supported > 0) == !route->pattern.empty());
}

void CheckQuery(absl::string_view query) {
  http::Request request;
  request.query = query;
  for (const char* name :
       {"account", "digest", "from", "last", "mount", "n", "scope", "service", ""}) {
    const std::vector<std::string> values = request.QueryParameters(name);
    const std::optional<std::string> first = request.QueryParameter(name);
    FUZZ_CHECK(first.has_value() == !values.empty());
    FUZZ_CHECK(!first || *first == values.front());
  }
}

void CheckEscapes(absl::string_view text) {
  const std::string encoded = http::PercentEncode(text);
  FUZZ_CHECK(http::PercentDecode(encoded, /*plus_is_space=*/false) == text);
  FUZZ_CHECK(http::PercentDecode(encoded, /*plus_is_space=*/true) == text);
  const std::optional<std::string> decoded = http::PercentDecode(text, /*plus_is_space=*/false);
  FUZZ_CHECK(decoded ? decoded->size() <= text.size() : absl::StrContains(text, '%'));

  // As the value of a parameter it ends neither the value nor the query.
  const std::string query = absl::StrCat("n=1&last=", encoded, "&n=2");
  http::Request request;
  request.query = query;
  FUZZ_CHECK(request.QueryParameters("last") == std::vector<std::string>{std::string(text)});
  FUZZ_CHECK(request.QueryParameters("n").size() == 2);
}

}  // namespace
}  // namespace registry::gateway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view target = registry::fuzz::ToText(data, size);
  const size_t question = target.find('?');
  registry::gateway::CheckRoute(target.substr(0, question));
  if (question != absl::string_view::npos) {
    registry::gateway::CheckQuery(target.substr(question + 1));
  }
  registry::gateway::CheckEscapes(target);
  return 0;
}
