// The table of routes: which requests there are, and what each must ask the policy.
//
// Its last column, the handlers, is in dispatcher.cc: this part has no coroutines, so that the fuzz
// targets can use it. Thread-safe. Source: distribution-spec spec.md#endpoints.
#ifndef REGISTRY_GATEWAY_API_ROUTE_H_
#define REGISTRY_GATEWAY_API_ROUTE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "registry/v1/access.pb.h"

namespace registry::gateway {

// What a handler does. HEAD is a GET whose body is omitted.
enum class Operation {
  kGetHealth,
  kGetReadiness,
  kGetToken,
  kPostToken,
  kGetVersion,
  kListRepositories,
  kListTags,
  kListReferrers,
  kGetManifest,
  kPutManifest,
  kDeleteManifest,
  kPostUpload,
  kGetUpload,
  kPatchUpload,
  kPutUpload,
  kDeleteUpload,
  kGetBlob,
  kDeleteBlob,
};
inline constexpr size_t kOperations = static_cast<size_t>(Operation::kDeleteBlob) + 1;

// What the dispatcher checks before it calls the handler.
enum class Check {
  kNothing,
  // The client's rate of requests, and that its credential is well-formed.
  kCredential,
  // These, and that the policy allows the required actions.
  kPolicy,
};

// What the required actions are about, besides the repository.
enum class About {
  kRepository,
  // The tag, if the reference is one.
  kTag,
  // That, and the tags that the query sets.
  kTags,
  // The repository that a mount reads. Its right is optional: without it, the mount becomes a plain
  // upload. Only challenges name it, so that the client gets one token for both.
  kMountSource,
};

// A row of the table.
struct Endpoint {
  // The path with its variable parts named: "/v2/<name>/blobs/<digest>". A slash at its end is
  // optional.
  absl::string_view pattern;
  // As in the Allow header.
  absl::string_view methods;
  Operation operation;
  Check check;
  // With RESOURCE_UNSPECIFIED no actions are required.
  v1::Resource resource = v1::RESOURCE_UNSPECIFIED;
  v1::Verb verb = v1::VERB_UNSPECIFIED;
  About about = About::kRepository;
};

// A path that was parsed.
struct Route {
  // The repository's name, valid according to oci::RepositoryName.
  std::string repository;
  // The part after it, decoded but not validated: a digest, a tag, an upload's id.
  std::string reference;
  // That of its endpoints, also for the log; empty if there are none.
  absl::string_view pattern = "";
};

// Error: NAME_INVALID.
absl::StatusOr<Route> ParseRoute(absl::string_view path);

// Returns nullptr if the route does not support `method`.
const Endpoint* FindEndpoint(const Route& route, absl::string_view method);

// The methods that the route supports, for the Allow header.
std::string AllowedMethods(const Route& route);

// The actions that a request needs permission for. `tags` are those of the query, with
// About::kTags.
std::vector<v1::Action> RequiredActions(const Endpoint& endpoint, const Route& route,
                                        const std::vector<std::string>& tags = {});

// The action that a mount from `repository` needs permission for.
v1::Action ReadMountSource(absl::string_view repository);

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_API_ROUTE_H_
