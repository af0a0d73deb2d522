// The target of a request: its path finds a route, its query parameters.

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/http/message.h"
#include "gateway/api/route.h"
#include "oci/name.h"
#include "tests/fuzz/check.h"

namespace registry::gateway {
namespace {

// An equivalent path; nullopt if the route has no repository.
std::optional<std::string> CanonicalPath(const Route& route) {
  const std::string base = absl::StrCat("/v2/", route.repository);
  const std::string reference = http::PercentEncode(route.reference);
  switch (route.resource) {
    case Resource::kBlob:
      return absl::StrCat(base, "/blobs/", reference);
    case Resource::kUploads:
      return absl::StrCat(base, "/blobs/uploads/");
    case Resource::kUpload:
      return absl::StrCat(base, "/blobs/uploads/", reference);
    case Resource::kManifest:
      return absl::StrCat(base, "/manifests/", reference);
    case Resource::kTags:
      return absl::StrCat(base, "/tags/list");
    case Resource::kReferrers:
      return absl::StrCat(base, "/referrers/", reference);
    default:
      return std::nullopt;
  }
}

void CheckRoute(absl::string_view path) {
  const absl::StatusOr<Route> route = ParseRoute(path);
  if (!route.ok()) return fuzz::CheckClientError(route.status(), oci::ErrorCode::kNameInvalid);
  FUZZ_CHECK(route->pattern.empty() == (route->resource == Resource::kUnknown));
  FUZZ_CHECK(route->methods.empty() == (route->resource == Resource::kUnknown));
  FUZZ_CHECK(!absl::StrContains(route->reference, '/'));

  const std::optional<std::string> canonical = CanonicalPath(*route);
  FUZZ_CHECK(route->repository.empty() == !canonical.has_value());
  if (!canonical) return;
  FUZZ_CHECK(oci::RepositoryName::Parse(route->repository).ok());
  FUZZ_CHECK(!absl::StrContains(route->repository, ".."));
  const absl::StatusOr<Route> again = ParseRoute(*canonical);
  FUZZ_CHECK(again.ok() && again->resource == route->resource);
  FUZZ_CHECK(again->repository == route->repository && again->reference == route->reference);

  for (const char* method : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}) {
    // Every route asks the policy, and only for that repository.
    const std::vector<v1::Action> actions = RequiredActions(*route, method);
    FUZZ_CHECK(actions.size() == 1);
    FUZZ_CHECK(actions[0].repository() == route->repository);
  }
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
