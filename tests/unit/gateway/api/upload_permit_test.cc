#include "gateway/api/upload_permit.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <limits>
#include <memory>
#include <vector>

#include "registry/v1/metadata.grpc.pb.h"

namespace registry::gateway {
namespace {

using testing::ElementsAre;

// Grants so many bytes, or answers with an error.
class FakeControlPlane final : public v1::MetadataService::Service {
 public:
  grpc::Status ExtendUpload(grpc::ServerContext*, const v1::ExtendUploadRequest* request,
                            v1::ExtendUploadResponse* response) override {
    asked_.push_back(request->size_bytes());
    final_size_bytes_ = request->final_size_bytes();
    response->set_granted_bytes(granted_bytes_);
    return status_;
  }

  std::vector<int64_t> asked_;
  int64_t final_size_bytes_ = -1;
  int64_t granted_bytes_ = 0;
  grpc::Status status_;
};

class UploadPermitTest : public testing::Test {
 protected:
  UploadPermitTest() {
    server_ = grpc::ServerBuilder().RegisterService(&fake_).BuildAndStart();
    control_plane_ = std::make_unique<ControlPlaneClient>(server_->InProcessChannel({}));
    upload_.set_id("an upload");
  }
  ~UploadPermitTest() override { server_->Shutdown(); }

  UploadPermit Permit(std::optional<uint64_t> content_length,
                      std::chrono::milliseconds interval = std::chrono::hours(1)) {
    return UploadPermit(*control_plane_, upload_, 0, content_length, interval);
  }
  absl::Status Renew(UploadPermit& permit, int64_t size_bytes) {
    boost::asio::io_context loop;
    absl::Status result;
    boost::asio::co_spawn(
        loop, [&]() -> http::Awaitable<void> { result = co_await permit.Renew(size_bytes); },
        [](const std::exception_ptr& error) {
          if (error) std::rethrow_exception(error);
        });
    loop.run();
    return result;
  }

  FakeControlPlane fake_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<ControlPlaneClient> control_plane_;
  v1::Upload upload_;
};

TEST_F(UploadPermitTest, WithoutALimitTheControlPlaneIsAskedOnce) {
  UploadPermit permit = Permit(std::nullopt);
  for (const int64_t size : {int64_t{1}, int64_t{1} << 40}) {
    EXPECT_TRUE(Renew(permit, size).ok());
  }
  EXPECT_THAT(fake_.asked_, ElementsAre(1));
  EXPECT_EQ(fake_.final_size_bytes_, 0);
}

TEST_F(UploadPermitTest, BeyondWhatWasGrantedItIsAskedAgain) {
  UploadPermit permit = Permit(300);
  fake_.granted_bytes_ = 100;
  EXPECT_TRUE(Renew(permit, 50).ok());
  EXPECT_TRUE(Renew(permit, 100).ok());
  fake_.granted_bytes_ = 300;
  EXPECT_TRUE(Renew(permit, 101).ok());
  EXPECT_TRUE(Renew(permit, 300).ok());
  EXPECT_THAT(fake_.asked_, ElementsAre(50, 101));
  EXPECT_EQ(fake_.final_size_bytes_, 300);
}

TEST_F(UploadPermitTest, AStreamTellsFromTimeToTimeThatItIsNotIdle) {
  UploadPermit permit = Permit(std::nullopt, std::chrono::milliseconds(0));
  EXPECT_TRUE(Renew(permit, 1).ok());
  EXPECT_TRUE(Renew(permit, 2).ok());
  EXPECT_THAT(fake_.asked_, ElementsAre(1, 2));
  // The session has ended meanwhile.
  fake_.status_ = {grpc::StatusCode::NOT_FOUND, "ended"};
  EXPECT_TRUE(absl::IsNotFound(Renew(permit, 3)));
}

TEST_F(UploadPermitTest, AControlPlaneThatIsAwayStopsOnlyWhatItWouldHaveToDecide) {
  UploadPermit first = Permit(std::nullopt);
  fake_.status_ = {grpc::StatusCode::UNAVAILABLE, "away"};
  EXPECT_TRUE(absl::IsUnavailable(Renew(first, 1)));
  UploadPermit permit = Permit(std::nullopt, std::chrono::milliseconds(0));
  fake_.status_ = grpc::Status::OK;
  fake_.granted_bytes_ = 100;
  EXPECT_TRUE(Renew(permit, 1).ok());
  fake_.status_ = {grpc::StatusCode::UNAVAILABLE, "away"};
  EXPECT_TRUE(Renew(permit, 100).ok());
  EXPECT_TRUE(absl::IsUnavailable(Renew(permit, 101)));
}

TEST_F(UploadPermitTest, AnAbsurdLengthIsNotANegativeOne) {
  UploadPermit permit = Permit(std::numeric_limits<uint64_t>::max());
  EXPECT_TRUE(Renew(permit, 1).ok());
  EXPECT_EQ(fake_.final_size_bytes_, std::numeric_limits<int64_t>::max());
}

}  // namespace
}  // namespace registry::gateway
