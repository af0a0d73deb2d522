// Room for upload sessions, through the service.
#include "base/limits.h"
#include "base/retry_delay.h"
#include "tests/unit/controlplane/metadata/service_fixture.h"

namespace registry::controlplane {
namespace {

using oci::ErrorCode;
using testing::ElementsAre;
using testing::IsEmpty;

class MetadataServiceRoomTest : public MetadataServiceTest {
 protected:
  absl::StatusOr<int64_t> ExtendAt(const std::string& id, int64_t size_bytes) {
    v1::ExtendUploadRequest request;
    request.set_repository("a");
    request.set_upload_id(id);
    request.set_size_bytes(size_bytes);
    v1::ExtendUploadResponse response;
    absl::Status status = Call(&v1::MetadataService::Stub::ExtendUpload, request, response);
    if (!status.ok()) return status;
    return response.granted_bytes();
  }
  absl::Status CancelAt(const std::string& id, bool no_room) {
    v1::CancelUploadRequest request;
    request.set_repository("a");
    request.set_upload_id(id);
    request.set_no_room(no_room);
    request.set_principal("alice");
    v1::CancelUploadResponse response;
    return Call(&v1::MetadataService::Stub::CancelUpload, request, response);
  }
};

TEST_F(MetadataServiceRoomTest, WithoutALimitAnUploadMayHoldAnything) {
  EXPECT_EQ(*ExtendAt(BeginAt("a").id(), int64_t{1} << 50), 0);
}

TEST_F(MetadataServiceRoomTest, TheLimitOfAUserTellsWhenToTryAgain) {
  upload_limits_ = {.user_bytes = 1'000};
  StartService(nodes_.get(), base::kSqlQueue);
  const std::string id = BeginAt("a").id();
  EXPECT_GE(*ExtendAt(id, 1'000), 1'000);
  const absl::Status refused = ExtendAt(id, 1'001).status();
  EXPECT_EQ(ErrorOf(refused), ErrorCode::kTooManyRequests);
  EXPECT_EQ(base::RetryDelayOf(refused), std::chrono::seconds(30));
}

TEST_F(MetadataServiceRoomTest, AnUploadThatWasCancelledOrFinishedIsNotExtended) {
  const std::string cancelled = BeginAt("a").id();
  ASSERT_TRUE(CancelAt(cancelled, /*no_room=*/false).ok());
  const std::string finished = PushAt("a", "hello");
  for (const int64_t limit : {0, 1'000}) {
    upload_limits_ = {.user_bytes = limit};
    StartService(nodes_.get(), base::kSqlQueue);
    EXPECT_EQ(ErrorOf(ExtendAt(cancelled, 1)), ErrorCode::kBlobUploadUnknown);
    EXPECT_EQ(ErrorOf(ExtendAt(finished, 1)), ErrorCode::kBlobUploadUnknown);
  }
}

TEST_F(MetadataServiceRoomTest, ASessionThatEndsForWantOfRoomAsksForRoom) {
  ASSERT_TRUE(CancelAt(BeginAt("a").id(), /*no_room=*/false).ok());
  EXPECT_EQ(trash_calls_, 1);
  EXPECT_THAT(no_room_, IsEmpty());
  ASSERT_TRUE(CancelAt(BeginAt("a").id(), /*no_room=*/true).ok());
  EXPECT_EQ(trash_calls_, 2);
  EXPECT_THAT(no_room_, ElementsAre("alice"));
}

}  // namespace
}  // namespace registry::controlplane
