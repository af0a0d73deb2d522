// What every method of the admin API reads from its request: who calls, and which page.
//
// Errors: policy_error.h. Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_ADMIN_REQUEST_H_
#define REGISTRY_CONTROLPLANE_ADMIN_REQUEST_H_

#include <grpcpp/grpcpp.h>

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "controlplane/audit_log.h"

namespace registry::controlplane {

// The metadata of a call over the local socket that names the user of the operating system.
inline constexpr char kLocalUserMetadata[] = "x-local-user";

// The subject of the client's certificate, or else "local:NAME": only who may open the local socket
// comes without a certificate, and the name is what such a client says.
Actor ActorOf(const grpc::CallbackServerContext& context);

// How many resources a page has, of a page_size.
absl::StatusOr<size_t> PageSize(int32_t asked);

// A page token is the position that the next page begins behind, in a form that invites nobody to
// make one. Of the first page both are empty.
std::string MakePageToken(absl::string_view collection, absl::string_view position);
absl::StatusOr<std::string> ReadPageToken(absl::string_view collection, const std::string& token);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_ADMIN_REQUEST_H_
