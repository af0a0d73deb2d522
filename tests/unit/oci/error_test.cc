#include "oci/error.h"

#include <gtest/gtest.h>

namespace registry::oci {
namespace {

struct Expected {
  ErrorCode code;
  const char* name;
  int http_status;
};

// The specification's 14 codes, and the HTTP status of each.
constexpr Expected kExpected[] = {
    {ErrorCode::kBlobUnknown, "BLOB_UNKNOWN", 404},
    {ErrorCode::kBlobUploadInvalid, "BLOB_UPLOAD_INVALID", 416},
    {ErrorCode::kBlobUploadUnknown, "BLOB_UPLOAD_UNKNOWN", 404},
    {ErrorCode::kDigestInvalid, "DIGEST_INVALID", 400},
    {ErrorCode::kManifestBlobUnknown, "MANIFEST_BLOB_UNKNOWN", 404},
    {ErrorCode::kManifestInvalid, "MANIFEST_INVALID", 400},
    {ErrorCode::kManifestUnknown, "MANIFEST_UNKNOWN", 404},
    {ErrorCode::kNameInvalid, "NAME_INVALID", 400},
    {ErrorCode::kNameUnknown, "NAME_UNKNOWN", 404},
    {ErrorCode::kSizeInvalid, "SIZE_INVALID", 400},
    {ErrorCode::kUnauthorized, "UNAUTHORIZED", 401},
    {ErrorCode::kDenied, "DENIED", 403},
    {ErrorCode::kUnsupported, "UNSUPPORTED", 405},
    {ErrorCode::kTooManyRequests, "TOOMANYREQUESTS", 429},
};

TEST(ErrorTest, EachCodeHasItsNameAndHttpStatus) {
  for (const Expected& expected : kExpected) {
    const absl::Status status = MakeError(expected.code, "why");
    EXPECT_FALSE(status.ok());
    EXPECT_EQ(status.message(), "why");
    EXPECT_EQ(CodeOf(status), expected.code) << expected.name;
    EXPECT_EQ(ErrorCodeName(expected.code), expected.name);
    EXPECT_EQ(ToHttpError(status).status, expected.http_status) << expected.name;
    EXPECT_EQ(ToHttpError(status).code, expected.name);
  }
}

TEST(ErrorTest, AStatusWithoutCodeIsNotTheClientsFault) {
  EXPECT_EQ(CodeOf(absl::NotFoundError("no file")), std::nullopt);
  EXPECT_EQ(CodeOf(absl::OkStatus()), std::nullopt);
  EXPECT_EQ(ToHttpError(absl::NotFoundError("no file")).status, 500);
  EXPECT_EQ(ToHttpError(absl::InvalidArgumentError("a bug")).status, 500);
  EXPECT_EQ(ToHttpError(absl::DataLossError("bad disk")).status, 500);
  EXPECT_EQ(ToHttpError(absl::InternalError("a bug")).code, "INTERNAL");
}

TEST(ErrorTest, FullDiskOverloadAndSilenceHaveTheirOwnHttpStatus) {
  EXPECT_EQ(ToHttpError(absl::ResourceExhaustedError("disk full")).status, 507);
  EXPECT_EQ(ToHttpError(absl::ResourceExhaustedError("disk full")).code, "INSUFFICIENT_STORAGE");
  EXPECT_EQ(ToHttpError(absl::UnavailableError("too busy")).status, 503);
  EXPECT_EQ(ToHttpError(absl::DeadlineExceededError("no answer")).status, 504);
}

TEST(ErrorTest, TooManyRequestsIsNotAFullDisk) {
  EXPECT_EQ(ToHttpError(MakeError(ErrorCode::kTooManyRequests, "slow down")).status, 429);
}

}  // namespace
}  // namespace registry::oci
