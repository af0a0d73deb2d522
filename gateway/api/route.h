// Parses paths into routes.
//
// Thread-safe. Source: distribution-spec spec.md#endpoints.
#ifndef REGISTRY_GATEWAY_API_ROUTE_H_
#define REGISTRY_GATEWAY_API_ROUTE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/http/message.h"
#include "registry/v1/access.pb.h"

namespace registry::gateway {

enum class Resource {
  kUnknown,
  kHealth,     // /healthz
  kReadiness,  // /readyz
  kToken,      // /token
  kVersion,    // /v2/
  kCatalog,    // /v2/_catalog
  kBlob,       // /v2/<name>/blobs/<digest>
  kUploads,    // /v2/<name>/blobs/uploads/
  kUpload,     // /v2/<name>/blobs/uploads/<id>
  kManifest,   // /v2/<name>/manifests/<reference>
  kTags,       // /v2/<name>/tags/list
  kReferrers,  // /v2/<name>/referrers/<digest>
};

struct Route {
  Resource resource = Resource::kUnknown;
  // The repository's name, valid according to oci::RepositoryName.
  std::string repository;
  // The part after it, decoded but not validated: a digest, a tag, an upload's id.
  std::string reference;
  // The path with its variable parts named, for the log: "/v2/<name>/blobs/<digest>".
  absl::string_view pattern = "";
  // The supported methods, for the Allow header.
  absl::string_view methods = "";
};

// Unknown paths give Resource::kUnknown. Error: NAME_INVALID.
absl::StatusOr<Route> ParseRoute(absl::string_view path);

// Returns true if the route supports `method`.
bool Allows(const Route& route, absl::string_view method);

// The actions that a request needs permission for. `tags` are further tags that its query sets.
std::vector<v1::Action> RequiredActions(const Route& route, absl::string_view method,
                                        const std::vector<std::string>& tags = {});

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_API_ROUTE_H_
