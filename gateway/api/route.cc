#include "gateway/api/route.h"

#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/http/message.h"
#include "oci/name.h"

namespace registry::gateway {
namespace {

using enum Operation;
using enum Check;
using enum About;

constexpr absl::string_view kToken = "/token";
constexpr absl::string_view kManifest = "/v2/<name>/manifests/<reference>";
constexpr absl::string_view kUpload = "/v2/<name>/blobs/uploads/<id>";
constexpr absl::string_view kBlob = "/v2/<name>/blobs/<digest>";

// The first pattern that matches counts. Except for manifests, HEAD needs the same right as GET.
constexpr Endpoint kEndpoints[] = {
    {"/healthz", "GET, HEAD", kGetHealth, kNothing},
    {"/readyz", "GET, HEAD", kGetReadiness, kNothing},
    {kToken, "GET", kGetToken, kCredential},
    {kToken, "POST", kPostToken, kCredential},
    {"/v2/", "GET, HEAD", kGetVersion, kPolicy},
    {"/v2/_catalog", "GET, HEAD", kListRepositories, kPolicy, v1::RESOURCE_CATALOG, v1::VERB_GET},
    {"/v2/<name>/tags/list", "GET, HEAD", kListTags, kPolicy, v1::RESOURCE_TAGS, v1::VERB_GET},
    {"/v2/<name>/referrers/<digest>", "GET, HEAD", kListReferrers, kPolicy, v1::RESOURCE_MANIFESTS,
     v1::VERB_GET},
    {kManifest, "GET", kGetManifest, kPolicy, v1::RESOURCE_MANIFESTS, v1::VERB_GET, kTag},
    {kManifest, "HEAD", kGetManifest, kPolicy, v1::RESOURCE_MANIFESTS, v1::VERB_HEAD, kTag},
    {kManifest, "PUT", kPutManifest, kPolicy, v1::RESOURCE_MANIFESTS, v1::VERB_PUT, kTags},
    {kManifest, "DELETE", kDeleteManifest, kPolicy, v1::RESOURCE_MANIFESTS, v1::VERB_DELETE, kTag},
    {"/v2/<name>/blobs/uploads/", "POST", kPostUpload, kPolicy, v1::RESOURCE_BLOBS, v1::VERB_POST,
     kMountSource},
    // Users who may push may also query the status of an upload and cancel it.
    {kUpload, "GET", kGetUpload, kPolicy, v1::RESOURCE_BLOBS, v1::VERB_POST},
    {kUpload, "PATCH", kPatchUpload, kPolicy, v1::RESOURCE_BLOBS, v1::VERB_PATCH},
    {kUpload, "PUT", kPutUpload, kPolicy, v1::RESOURCE_BLOBS, v1::VERB_PUT},
    {kUpload, "DELETE", kDeleteUpload, kPolicy, v1::RESOURCE_BLOBS, v1::VERB_POST},
    {kBlob, "GET, HEAD", kGetBlob, kPolicy, v1::RESOURCE_BLOBS, v1::VERB_GET},
    {kBlob, "DELETE", kDeleteBlob, kPolicy, v1::RESOURCE_BLOBS, v1::VERB_DELETE},
};

// Decodes one segment of a path. Keeps an encoded slash encoded, so that it never separates: no
// valid name can contain it.
std::string DecodeSegment(absl::string_view segment) {
  std::optional<std::string> decoded = http::PercentDecode(segment, /*plus_is_space=*/false);
  if (!decoded || absl::StrContains(*decoded, "/")) return std::string(segment);
  return *std::move(decoded);
}

// The segments after "/v2/".
std::vector<std::string> SegmentsOf(absl::string_view path) {
  std::vector<std::string> segments;
  if (!absl::ConsumePrefix(&path, "/v2/")) return segments;
  for (const absl::string_view segment : absl::StrSplit(path, '/')) {
    segments.push_back(DecodeSegment(segment));
  }
  return segments;
}

// Where the variable parts of a path are.
struct Match {
  size_t name_segments = 0;
  absl::string_view reference;
};

// Matches the part of a pattern after the name, from the right, because names may contain any word.
std::optional<Match> MatchTail(absl::string_view tail, const std::vector<std::string>& segments) {
  Match match{.name_segments = segments.size()};
  // One segment at least is the name's.
  while (match.name_segments > 1) {
    const std::string& segment = segments[--match.name_segments];
    const size_t slash = tail.rfind('/');
    const absl::string_view expected =
        slash == absl::string_view::npos ? tail : tail.substr(slash + 1);
    if (absl::StartsWith(expected, "<")) {
      match.reference = segment;
    } else if (segment != expected) {
      return std::nullopt;
    }
    if (slash == absl::string_view::npos) return match;
    tail = tail.substr(0, slash);
  }
  return std::nullopt;
}

std::optional<Match> MatchPattern(absl::string_view pattern, absl::string_view path,
                                  const std::vector<std::string>& segments) {
  const absl::string_view without_slash = absl::StripSuffix(pattern, "/");
  absl::string_view tail = pattern;
  if (!absl::ConsumePrefix(&tail, "/v2/<name>/")) {
    if (path == pattern || path == without_slash) return Match();
    return std::nullopt;
  }
  if (std::optional<Match> match = MatchTail(tail, segments)) return match;
  if (pattern == without_slash) return std::nullopt;
  return MatchTail(absl::StripSuffix(tail, "/"), segments);
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
  const std::vector<std::string> segments = SegmentsOf(path);
  Route route;
  for (const Endpoint& endpoint : kEndpoints) {
    const std::optional<Match> match = MatchPattern(endpoint.pattern, path, segments);
    if (!match) continue;
    route.pattern = endpoint.pattern;
    if (match->name_segments == 0) return route;
    route.repository =
        absl::StrJoin(segments.begin(), segments.begin() + match->name_segments, "/");
    route.reference = std::string(match->reference);
    const absl::StatusOr<oci::RepositoryName> name = oci::RepositoryName::Parse(route.repository);
    if (!name.ok()) return name.status();
    return route;
  }
  return route;
}

const Endpoint* FindEndpoint(const Route& route, absl::string_view method) {
  for (const Endpoint& endpoint : kEndpoints) {
    if (endpoint.pattern != route.pattern) continue;
    for (const absl::string_view supported : absl::StrSplit(endpoint.methods, ", ")) {
      if (method == supported) return &endpoint;
    }
  }
  return nullptr;
}

std::string AllowedMethods(const Route& route) {
  std::vector<absl::string_view> methods;
  for (const Endpoint& endpoint : kEndpoints) {
    if (endpoint.pattern == route.pattern) methods.push_back(endpoint.methods);
  }
  return absl::StrJoin(methods, ", ");
}

std::vector<v1::Action> RequiredActions(const Endpoint& endpoint, const Route& route,
                                        const std::vector<std::string>& tags) {
  if (endpoint.resource == v1::RESOURCE_UNSPECIFIED) return {};
  v1::Action action;
  action.set_resource(endpoint.resource);
  action.set_verb(endpoint.verb);
  action.set_repository(route.repository);
  const bool has_tag = endpoint.about == kTag || endpoint.about == kTags;
  if (has_tag && !absl::StrContains(route.reference, ":")) {
    action.set_tag(route.reference);
    return {action};
  }
  return WithTags(action, tags);
}

v1::Action ReadMountSource(absl::string_view repository) {
  v1::Action read;
  read.set_resource(v1::RESOURCE_BLOBS);
  read.set_verb(v1::VERB_GET);
  read.set_repository(std::string(repository));
  return read;
}

}  // namespace registry::gateway
