// Reads the actions that a gateway asks about from messages of access.proto.
//
// Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_ACCESS_ACTION_MESSAGES_H_
#define REGISTRY_CONTROLPLANE_ACCESS_ACTION_MESSAGES_H_

#include <vector>

#include "absl/status/statusor.h"
#include "controlplane/policy/policy.h"
#include "registry/v1/access.pb.h"

namespace registry::controlplane {

// Errors: INVALID_ARGUMENT for an unknown resource or verb; those of RepositoryName and Tag.
absl::StatusOr<std::vector<Action>> ParseActions(const v1::AuthorizeRequest& request);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_ACCESS_ACTION_MESSAGES_H_
