// Errors of the admin API, with the details that Google's AIP-193 requires: ErrorInfo always,
// ResourceInfo for a missing or duplicate resource, BadRequest for an invalid field.
//
// Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_POLICY_ERROR_H_
#define REGISTRY_CONTROLPLANE_POLICY_ERROR_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace registry::controlplane {

// Resource names are those of admin.proto, such as "users/alice".

// RESOURCE_NOT_FOUND with code NOT_FOUND, or FAILED_PRECONDITION if a request's `field` names it.
absl::Status NoSuchResource(absl::string_view resource);
absl::Status NamesMissingResource(absl::string_view field, absl::string_view resource);

// ALREADY_EXISTS, RESOURCE_EXISTS.
absl::Status ResourceExists(absl::string_view resource);

// ABORTED, ETAG_MISMATCH.
absl::Status EtagMismatch(absl::string_view resource);

// FAILED_PRECONDITION, READ_ONLY: `origin` defines the resource.
absl::Status ReadOnly(absl::string_view resource, absl::string_view origin);

// FAILED_PRECONDITION, IN_USE: `by` refers to the resource.
absl::Status InUse(absl::string_view resource, absl::string_view by);

// INVALID_ARGUMENT, INVALID_FIELD. `what` follows the field's name: "is empty".
absl::Status InvalidField(absl::string_view field, absl::string_view what);

// INVALID_ARGUMENT, INVALID_FILES: the first lines of `problems`; all of them would not fit into
// HTTP/2 headers.
absl::Status InvalidFiles(absl::string_view problems);

// FAILED_PRECONDITION, NO_FILES: the policy is not read from files. `why` says so and from where.
absl::Status NothingToReload(absl::string_view why);
bool IsNothingToReload(const absl::Status& status);

// FAILED_PRECONDITION with a reason of its own.
absl::Status Impossible(absl::string_view reason, absl::string_view message);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_POLICY_ERROR_H_
