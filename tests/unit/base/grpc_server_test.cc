#include "base/grpc_server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "registry/v1/storage.grpc.pb.h"

namespace registry::base {
namespace {

// Any service with a unary call would do.
class Service final : public v1::StorageService::CallbackService {
 public:
  explicit Service(WorkerPool& pool) : pool_(pool) {}

  grpc::ServerUnaryReactor* GetNode(grpc::CallbackServerContext* context, const v1::GetNodeRequest*,
                                    v1::Node* response) override {
    context_ = context;
    return RunUnary(pool_, context, [this, response]() -> absl::Status {
      ++runs_;
      response->set_id("node");
      return absl::OkStatus();
    });
  }

  std::atomic<grpc::CallbackServerContext*> context_ = nullptr;
  std::atomic<int> runs_ = 0;

 private:
  WorkerPool& pool_;
};

class GrpcServerTest : public testing::Test {
 protected:
  ~GrpcServerTest() override { server_->Shutdown(); }

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
  Service service_{pool_};
  std::unique_ptr<grpc::Server> server_ =
      grpc::ServerBuilder().RegisterService(&service_).BuildAndStart();
  std::unique_ptr<v1::StorageService::Stub> stub_ =
      v1::StorageService::NewStub(server_->InProcessChannel(grpc::ChannelArguments()));
};

TEST_F(GrpcServerTest, ACallIsAnsweredFromThePool) {
  grpc::ClientContext context;
  v1::Node node;
  const grpc::Status status = stub_->GetNode(&context, {}, &node);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(node.id(), "node");
  EXPECT_EQ(service_.runs_, 1);
}

TEST_F(GrpcServerTest, ACallThatWasCancelledInTheQueueIsNotWorkedOn) {
  std::promise<void> release = OccupyPool();
  grpc::ClientContext context;
  const v1::GetNodeRequest request;
  v1::Node node;
  std::promise<grpc::Status> done;
  stub_->async()->GetNode(&context, &request, &node,
                          [&](const grpc::Status& status) { done.set_value(status); });
  while (service_.context_ == nullptr) std::this_thread::yield();
  context.TryCancel();
  while (!service_.context_.load()->IsCancelled()) std::this_thread::yield();
  release.set_value();
  EXPECT_EQ(done.get_future().get().error_code(), grpc::StatusCode::CANCELLED);
  server_->Shutdown();
  EXPECT_EQ(service_.runs_, 0);
}

TEST_F(GrpcServerTest, ACallWhoseDeadlinePassedInTheQueueIsNotWorkedOn) {
  std::promise<void> release = OccupyPool();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(50));
  v1::Node node;
  EXPECT_EQ(stub_->GetNode(&context, {}, &node).error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  release.set_value();
  server_->Shutdown();
  EXPECT_EQ(service_.runs_, 0);
}

TEST_F(GrpcServerTest, AFullQueueIsUnavailable) {
  std::promise<void> release = OccupyPool();
  ASSERT_TRUE(pool_.Submit([] {}));
  grpc::ClientContext context;
  v1::Node node;
  EXPECT_EQ(stub_->GetNode(&context, {}, &node).error_code(), grpc::StatusCode::UNAVAILABLE);
  release.set_value();
}

}  // namespace
}  // namespace registry::base
