// Reads from requests what all methods of the admin API need: the caller and the page.
//
// Errors: policy/error.h. Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_ADMIN_REQUEST_H_
#define REGISTRY_CONTROLPLANE_ADMIN_REQUEST_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/call.h"
#include "controlplane/policy/audit_log.h"

namespace registry::controlplane {

// The caller, for the audit log.
inline Actor ActorOf(const base::CallInfo& call) {
  return {.principal = call.peer.name, .peer = call.peer.address};
}

// The number of resources on a page, from a request's page_size.
absl::StatusOr<size_t> PageSize(int32_t asked);

// A page token encodes the position after which the next page begins. The encoding is opaque, to
// discourage clients from making tokens. For the first page both are empty.
std::string MakePageToken(absl::string_view collection, absl::string_view position);
absl::StatusOr<std::string> ReadPageToken(absl::string_view collection, const std::string& token);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_ADMIN_REQUEST_H_
