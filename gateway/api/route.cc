#include "gateway/api/route.h"

#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "oci/error.h"
#include "oci/name.h"

namespace registry::gateway {
namespace {

constexpr absl::string_view kRead = "GET, HEAD";

Route Fixed(Resource resource, absl::string_view pattern, absl::string_view methods = kRead) {
  Route route;
  route.resource = resource;
  route.pattern = pattern;
  route.methods = methods;
  return route;
}

// Decodes one segment of a path. Keeps an encoded slash encoded, so that it never separates: no
// valid name can contain it.
std::string DecodeSegment(absl::string_view segment) {
  std::optional<std::string> decoded = http::PercentDecode(segment, /*plus_is_space=*/false);
  if (!decoded || absl::StrContains(*decoded, "/")) return std::string(segment);
  return *std::move(decoded);
}

// Matches the part of the path after the name, from the right, because names may contain any word.
std::optional<Route> MatchTail(const std::vector<std::string>& segments, size_t& name_segments) {
  const size_t count = segments.size();
  const auto at = [&](size_t from_end) -> const std::string& { return segments[count - from_end]; };
  if (count >= 3 && at(1) == "list" && at(2) == "tags") {
    name_segments = count - 2;
    return Fixed(Resource::kTags, "/v2/<name>/tags/list");
  }
  Route route;
  if (count >= 3 && at(2) == "referrers") {
    name_segments = count - 2;
    route = Fixed(Resource::kReferrers, "/v2/<name>/referrers/<digest>");
    route.reference = at(1);
    return route;
  }
  if (count >= 3 && at(2) == "manifests") {
    name_segments = count - 2;
    route =
        Fixed(Resource::kManifest, "/v2/<name>/manifests/<reference>", "GET, HEAD, PUT, DELETE");
    route.reference = at(1);
    return route;
  }
  if (count >= 3 && at(1) == "uploads" && at(2) == "blobs") {
    name_segments = count - 2;
    return Fixed(Resource::kUploads, "/v2/<name>/blobs/uploads/", "POST");
  }
  if (count >= 4 && at(2) == "uploads" && at(3) == "blobs") {
    name_segments = count - 3;
    if (at(1).empty()) return Fixed(Resource::kUploads, "/v2/<name>/blobs/uploads/", "POST");
    route = Fixed(Resource::kUpload, "/v2/<name>/blobs/uploads/<id>", "GET, PATCH, PUT, DELETE");
    route.reference = at(1);
    return route;
  }
  if (count >= 3 && at(2) == "blobs") {
    name_segments = count - 2;
    route = Fixed(Resource::kBlob, "/v2/<name>/blobs/<digest>", "GET, HEAD, DELETE");
    route.reference = at(1);
    return route;
  }
  return std::nullopt;
}

v1::Verb VerbOf(absl::string_view method) {
  if (method == "GET") return v1::VERB_GET;
  if (method == "HEAD") return v1::VERB_HEAD;
  if (method == "POST") return v1::VERB_POST;
  if (method == "PUT") return v1::VERB_PUT;
  if (method == "PATCH") return v1::VERB_PATCH;
  return v1::VERB_DELETE;
}

// The action, and the same action on each tag.
std::vector<v1::Action> WithTags(const v1::Action& action, const std::vector<std::string>& tags) {
  std::vector<v1::Action> actions = {action};
  for (const std::string& tag : tags) {
    actions.push_back(action);
    actions.back().set_tag(tag);
  }
  return actions;
}

}  // namespace

absl::StatusOr<Route> ParseRoute(absl::string_view path) {
  if (path == "/healthz") return Fixed(Resource::kHealth, "/healthz");
  if (path == "/readyz") return Fixed(Resource::kReadiness, "/readyz");
  if (path == "/token") return Fixed(Resource::kToken, "/token", "GET, POST");
  if (path == "/v2/" || path == "/v2") return Fixed(Resource::kVersion, "/v2/");
  if (path == "/v2/_catalog") return Fixed(Resource::kCatalog, "/v2/_catalog");
  if (!absl::StartsWith(path, "/v2/")) return Route();

  std::vector<std::string> segments;
  for (absl::string_view segment : absl::StrSplit(path.substr(4), '/')) {
    segments.push_back(DecodeSegment(segment));
  }
  size_t name_segments = 0;
  std::optional<Route> route = MatchTail(segments, name_segments);
  if (!route) return Route();
  const std::string name = absl::StrJoin(segments.begin(), segments.begin() + name_segments, "/");
  const absl::StatusOr<oci::RepositoryName> valid = oci::RepositoryName::Parse(name);
  if (!valid.ok()) return valid.status();
  route->repository = name;
  return *std::move(route);
}

bool Allows(const Route& route, absl::string_view method) {
  for (absl::string_view allowed : absl::StrSplit(route.methods, ", ")) {
    if (method == allowed) return true;
  }
  return false;
}

std::vector<v1::Action> RequiredActions(const Route& route, absl::string_view method,
                                        const std::vector<std::string>& tags) {
  v1::Action action;
  action.set_repository(route.repository);
  action.set_verb(VerbOf(method));
  // Except for manifests, HEAD needs the same right as GET.
  if (method == "HEAD" && route.resource != Resource::kManifest) action.set_verb(v1::VERB_GET);
  switch (route.resource) {
    case Resource::kBlob:
      action.set_resource(v1::RESOURCE_BLOBS);
      return {action};
    case Resource::kUploads:
    case Resource::kUpload:
      action.set_resource(v1::RESOURCE_BLOBS);
      // Users who may push may also query the status of an upload and cancel it.
      if (method == "GET" || method == "DELETE") action.set_verb(v1::VERB_POST);
      return {action};
    case Resource::kManifest:
      action.set_resource(v1::RESOURCE_MANIFESTS);
      if (!absl::StrContains(route.reference, ":")) {
        action.set_tag(route.reference);
        return {action};
      }
      return WithTags(action, tags);
    case Resource::kReferrers:
      action.set_resource(v1::RESOURCE_MANIFESTS);
      return {action};
    case Resource::kCatalog:
      action.set_resource(v1::RESOURCE_CATALOG);
      return {action};
    case Resource::kTags:
      action.set_resource(v1::RESOURCE_TAGS);
      return {action};
    default:
      return {};
  }
}

}  // namespace registry::gateway
