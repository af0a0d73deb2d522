#include "base/grpc_status.h"

#include <gtest/gtest.h>

#include "absl/strings/cord.h"
#include "base/retry_delay.h"
#include "oci/error.h"

namespace registry::base {
namespace {

TEST(GrpcStatusTest, OkStaysOk) {
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok());
  EXPECT_TRUE(FromGrpcStatus(grpc::Status::OK).ok());
}

TEST(GrpcStatusTest, EveryCodeAndItsMessageComeBack) {
  for (int code = 1; code <= 16; ++code) {
    const absl::Status status(static_cast<absl::StatusCode>(code), "why: ä\n");
    EXPECT_EQ(FromGrpcStatus(ToGrpcStatus(status)), status);
  }
}

TEST(GrpcStatusTest, TheOciCodeComesBack) {
  const absl::Status status = oci::MakeError(oci::ErrorCode::kManifestBlobUnknown, "missing");
  const absl::Status back = FromGrpcStatus(ToGrpcStatus(status));
  EXPECT_EQ(back, status);
  EXPECT_EQ(oci::CodeOf(back), oci::ErrorCode::kManifestBlobUnknown);
}

TEST(GrpcStatusTest, SeveralBinaryPayloadsComeBack) {
  absl::Status status = absl::InternalError("x");
  status.SetPayload("type/a", absl::Cord(absl::string_view("\0\xff", 2)));
  status.SetPayload("type/b", absl::Cord("b"));
  EXPECT_EQ(FromGrpcStatus(ToGrpcStatus(status)), status);
}

TEST(GrpcStatusTest, TheRetryDelayComesBackBesideTheOciCode) {
  const absl::Status status = WithRetryDelay(oci::MakeError(oci::ErrorCode::kTooManyRequests, "x"),
                                             std::chrono::seconds(7));
  const absl::Status back = FromGrpcStatus(ToGrpcStatus(status));
  EXPECT_EQ(RetryDelayOf(back), std::chrono::seconds(7));
  EXPECT_EQ(oci::CodeOf(back), oci::ErrorCode::kTooManyRequests);
  EXPECT_EQ(RetryDelayOf(absl::InternalError("x")), std::nullopt);
}

TEST(GrpcStatusTest, DetailsOfAnotherFormAreIgnored) {
  const grpc::Status status(grpc::StatusCode::NOT_FOUND, "gone", "\xff\xff not a message");
  EXPECT_EQ(FromGrpcStatus(status), absl::NotFoundError("gone"));
}

}  // namespace
}  // namespace registry::base
