#include "base/grpc_service.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "registry/v1/storage.grpc.pb.h"

namespace registry::base {
namespace {

// Any service with a unary call would do.
class Logic {
 public:
  explicit Logic(WorkerPool& pool) : pool_(pool) {}

  void GetNode(const v1::GetNodeRequest*, v1::Node* response, const CallInfo* call, Done done) {
    call_ = call;
    RunCall(pool_, call, std::move(done), [this, response]() -> absl::Status {
      ++runs_;
      response->set_id("node");
      return absl::OkStatus();
    });
  }

  std::atomic<const CallInfo*> call_ = nullptr;
  std::atomic<int> runs_ = 0;

 private:
  WorkerPool& pool_;
};

class Service final : public v1::StorageService::CallbackService {
 public:
  explicit Service(Logic& logic) : logic_(logic) {}

  grpc::ServerUnaryReactor* GetNode(grpc::CallbackServerContext* context,
                                    const v1::GetNodeRequest* request,
                                    v1::Node* response) override {
    return BindUnary(logic_, &Logic::GetNode, context, request, response);
  }

 private:
  Logic& logic_;
};

class GrpcServiceTest : public testing::Test {
 protected:
  ~GrpcServiceTest() override { server_->Shutdown(); }

  // Occupies the pool's only thread until the promise is fulfilled.
  std::promise<void> OccupyPool() {
    std::promise<void> release;
    auto released = std::make_shared<std::future<void>>(release.get_future());
    std::promise<void> started;
    EXPECT_TRUE(pool_.Submit([released, &started] {
      started.set_value();
      released->wait();
    }));
    started.get_future().wait();
    return release;
  }

  WorkerPool pool_{1, 1};
  Logic logic_{pool_};
  Service service_{logic_};
  std::unique_ptr<grpc::Server> server_ =
      grpc::ServerBuilder().RegisterService(&service_).BuildAndStart();
  std::unique_ptr<v1::StorageService::Stub> stub_ =
      v1::StorageService::NewStub(server_->InProcessChannel(grpc::ChannelArguments()));
};

TEST_F(GrpcServiceTest, ACallIsAnsweredFromThePool) {
  grpc::ClientContext context;
  v1::Node node;
  const grpc::Status status = stub_->GetNode(&context, {}, &node);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(node.id(), "node");
  EXPECT_EQ(logic_.runs_, 1);
}

TEST_F(GrpcServiceTest, ACallThatWasCancelledInTheQueueIsNotWorkedOn) {
  std::promise<void> release = OccupyPool();
  grpc::ClientContext context;
  const v1::GetNodeRequest request;
  v1::Node node;
  std::promise<grpc::Status> done;
  stub_->async()->GetNode(&context, &request, &node,
                          [&](const grpc::Status& status) { done.set_value(status); });
  while (logic_.call_ == nullptr) std::this_thread::yield();
  context.TryCancel();
  while (!logic_.call_.load()->cancellation.requested()) std::this_thread::yield();
  release.set_value();
  EXPECT_EQ(done.get_future().get().error_code(), grpc::StatusCode::CANCELLED);
  server_->Shutdown();
  EXPECT_EQ(logic_.runs_, 0);
}

TEST_F(GrpcServiceTest, ACallWhoseDeadlinePassedInTheQueueIsNotWorkedOn) {
  std::promise<void> release = OccupyPool();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(50));
  v1::Node node;
  EXPECT_EQ(stub_->GetNode(&context, {}, &node).error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  release.set_value();
  server_->Shutdown();
  EXPECT_EQ(logic_.runs_, 0);
}

TEST_F(GrpcServiceTest, AFullQueueIsUnavailable) {
  std::promise<void> release = OccupyPool();
  ASSERT_TRUE(pool_.Submit([] {}));
  grpc::ClientContext context;
  v1::Node node;
  EXPECT_EQ(stub_->GetNode(&context, {}, &node).error_code(), grpc::StatusCode::UNAVAILABLE);
  release.set_value();
}

}  // namespace
}  // namespace registry::base
