#include "oci/error.h"

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"

namespace registry::oci {
namespace {

constexpr absl::string_view kPayloadUrl = "simple-registry/oci-error-code";

struct Row {
  ErrorCode code;
  absl::string_view name;
  absl::StatusCode status_code;
  int http_status;
};

// In the order of the enum.
constexpr Row kRows[] = {
    {ErrorCode::kBlobUnknown, "BLOB_UNKNOWN", absl::StatusCode::kNotFound, 404},
    {ErrorCode::kBlobUploadInvalid, "BLOB_UPLOAD_INVALID", absl::StatusCode::kOutOfRange, 416},
    {ErrorCode::kBlobUploadUnknown, "BLOB_UPLOAD_UNKNOWN", absl::StatusCode::kNotFound, 404},
    {ErrorCode::kDigestInvalid, "DIGEST_INVALID", absl::StatusCode::kInvalidArgument, 400},
    {ErrorCode::kManifestBlobUnknown, "MANIFEST_BLOB_UNKNOWN", absl::StatusCode::kNotFound, 404},
    {ErrorCode::kManifestInvalid, "MANIFEST_INVALID", absl::StatusCode::kInvalidArgument, 400},
    {ErrorCode::kManifestUnknown, "MANIFEST_UNKNOWN", absl::StatusCode::kNotFound, 404},
    {ErrorCode::kNameInvalid, "NAME_INVALID", absl::StatusCode::kInvalidArgument, 400},
    {ErrorCode::kNameUnknown, "NAME_UNKNOWN", absl::StatusCode::kNotFound, 404},
    {ErrorCode::kSizeInvalid, "SIZE_INVALID", absl::StatusCode::kInvalidArgument, 400},
    {ErrorCode::kUnauthorized, "UNAUTHORIZED", absl::StatusCode::kUnauthenticated, 401},
    {ErrorCode::kDenied, "DENIED", absl::StatusCode::kPermissionDenied, 403},
    {ErrorCode::kUnsupported, "UNSUPPORTED", absl::StatusCode::kUnimplemented, 405},
    {ErrorCode::kTooManyRequests, "TOOMANYREQUESTS", absl::StatusCode::kResourceExhausted, 429},
    {ErrorCode::kManifestTooLarge, "MANIFEST_INVALID", absl::StatusCode::kInvalidArgument, 413},
    {ErrorCode::kTooManyTags, "MANIFEST_INVALID", absl::StatusCode::kInvalidArgument, 414},
    {ErrorCode::kPreconditionFailed, "MANIFEST_INVALID", absl::StatusCode::kFailedPrecondition,
     412},
    {ErrorCode::kQueryInvalid, "UNSUPPORTED", absl::StatusCode::kInvalidArgument, 400},
    {ErrorCode::kRouteUnknown, "UNSUPPORTED", absl::StatusCode::kNotFound, 404},
};

const Row& RowOf(ErrorCode code) { return kRows[static_cast<size_t>(code)]; }

// The payload of a status. The HTTP status tells special cases apart: "MANIFEST_INVALID 413".
std::string PayloadOf(const Row& row) { return absl::StrCat(row.name, " ", row.http_status); }

}  // namespace

absl::Status MakeError(ErrorCode code, absl::string_view message) {
  absl::Status status(RowOf(code).status_code, message);
  status.SetPayload(kPayloadUrl, absl::Cord(PayloadOf(RowOf(code))));
  return status;
}

std::optional<ErrorCode> CodeOf(const absl::Status& status) {
  const absl::optional<absl::Cord> name = status.GetPayload(kPayloadUrl);
  if (!name.has_value()) return std::nullopt;
  for (const Row& row : kRows) {
    if (*name == PayloadOf(row)) return row.code;
  }
  return std::nullopt;
}

absl::string_view ErrorCodeName(ErrorCode code) { return RowOf(code).name; }

HttpError ToHttpError(const absl::Status& status) {
  if (const std::optional<ErrorCode> code = CodeOf(status)) {
    return {RowOf(*code).http_status, RowOf(*code).name};
  }
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kCancelled:
      return {503, "UNAVAILABLE"};
    case absl::StatusCode::kDeadlineExceeded:
      return {504, "UNAVAILABLE"};
    case absl::StatusCode::kResourceExhausted:
      return {507, "INSUFFICIENT_STORAGE"};
    default:
      return {500, "INTERNAL"};
  }
}

}  // namespace registry::oci
