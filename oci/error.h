// The OCI error codes, and the one table that maps them to HTTP and gRPC.
//
// An error travels through the planes as an absl::Status whose payload names the OCI code;
// base/grpc_status.h carries the payload across gRPC. A status without a payload was not caused by
// the client, and its gRPC code alone decides the HTTP status.
//
// Thread-safe. Source: distribution-spec spec.md#error-codes.
#ifndef REGISTRY_OCI_ERROR_H_
#define REGISTRY_OCI_ERROR_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace registry::oci {

enum class ErrorCode {
  kBlobUnknown,
  kBlobUploadInvalid,
  kBlobUploadUnknown,
  kDigestInvalid,
  kManifestBlobUnknown,
  kManifestInvalid,
  kManifestUnknown,
  kNameInvalid,
  kNameUnknown,
  kSizeInvalid,
  kUnauthorized,
  kDenied,
  kUnsupported,
  kTooManyRequests,
  // Special cases of the above, each with its own HTTP status.
  kManifestTooLarge,    // MANIFEST_INVALID, 413
  kTooManyTags,         // MANIFEST_INVALID, 414
  kPreconditionFailed,  // MANIFEST_INVALID, 412: If-Match, If-None-Match
  kQueryInvalid,        // UNSUPPORTED, 400: a malformed query parameter or form
  kRouteUnknown,        // UNSUPPORTED, 404
};

// An error caused by the client's request. `message` gives the person the whole reason.
absl::Status MakeError(ErrorCode code, absl::string_view message);

// The code that MakeError attached; nullopt for any other status.
std::optional<ErrorCode> CodeOf(const absl::Status& status);

// One of the specification's 14 codes, for example "BLOB_UNKNOWN".
absl::string_view ErrorCodeName(ErrorCode code);

// The HTTP response for a status.
struct HttpError {
  int status;              // e.g. 404
  absl::string_view code;  // e.g. "BLOB_UNKNOWN"; for 5xx, which the specification does not define,
                           // "UNAVAILABLE", "INSUFFICIENT_STORAGE" or "INTERNAL"
};
HttpError ToHttpError(const absl::Status& status);

}  // namespace registry::oci

#endif  // REGISTRY_OCI_ERROR_H_
