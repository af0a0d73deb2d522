// The error codes of the specification, and the one table that maps them to HTTP and gRPC.
//
// An error travels through the planes as an absl::Status whose payload names the OCI code; across
// gRPC the payload goes along (base/grpc_status.h). A status without a payload is not the client's
// doing, and its gRPC code alone decides the HTTP status.
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
  // Special cases of the above, with HTTP statuses of their own.
  kManifestTooLarge,    // MANIFEST_INVALID, 413
  kTooManyTags,         // MANIFEST_INVALID, 414
  kPreconditionFailed,  // MANIFEST_INVALID, 412: If-Match, If-None-Match
  kQueryInvalid,        // UNSUPPORTED, 400: a malformed query parameter or form
  kRouteUnknown,        // UNSUPPORTED, 404
};

// An error the client has to do with. `message` is the whole reason, for a person.
absl::Status MakeError(ErrorCode code, absl::string_view message);

// The code that MakeError put in; nullopt for any other status.
std::optional<ErrorCode> CodeOf(const absl::Status& status);

// "BLOB_UNKNOWN" and so on: one of the 14 codes of the specification.
absl::string_view ErrorCodeName(ErrorCode code);

// How a status is answered over HTTP.
struct HttpError {
  int status;              // e.g. 404
  absl::string_view code;  // e.g. "BLOB_UNKNOWN"; for 5xx, which the specification leaves open,
                           // "UNAVAILABLE", "INSUFFICIENT_STORAGE" or "INTERNAL"
};
HttpError ToHttpError(const absl::Status& status);

// A client's text for an error message: quoted, control characters escaped, cut at 200 bytes.
std::string Quote(absl::string_view text);

}  // namespace registry::oci

#endif  // REGISTRY_OCI_ERROR_H_
