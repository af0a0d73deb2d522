#include "controlplane/storage/node_client.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <thread>

#include "registry/v1/storage.grpc.pb.h"

namespace registry::controlplane {
namespace {

constexpr char kNode[] = "01890000-0000-7000-8000-000000000001";
constexpr char kIncarnation[] = "01890000-0000-7000-8000-000000000002";

// Knows no bytes.
class EmptyNode final : public v1::StorageService::CallbackService {};

class NodeClientTest : public testing::Test {
 protected:
  NodeClientTest() {
    server_ = grpc::ServerBuilder().RegisterService(&node_).BuildAndStart();
    nodes_ = std::make_unique<NodeRegistry>(std::vector<StorageNodeConnection>{
        {kNode, server_->InProcessChannel(grpc::ChannelArguments())}});
  }
  // Destroys every channel and server of the process.
  void DestroyAll() {
    nodes_.reset();
    server_->Shutdown();
    server_.reset();
  }
  const oci::Digest digest_ =
      oci::Digest::Parse("sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")
          .value();
  EmptyNode node_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<NodeRegistry> nodes_;
};

// Stays in the callback while the caller, who has the answer, destroys everything.
template <class T>
auto AnswerSlowly(std::promise<T>& answer, std::promise<void>& left) {
  return [&](const T& result) {
    answer.set_value(result);
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    left.set_value();
  };
}

TEST_F(NodeClientTest, EverythingMayGoWhileTheAnswerToACheckIsHandedOn) {
  std::promise<absl::StatusOr<bool>> answer;
  std::promise<void> left;
  const StoredCopies blob = {.incarnation = kIncarnation, .nodes = {kNode}};
  NodeClient(*nodes_).Check(blob, digest_, AnswerSlowly(answer, left));
  EXPECT_EQ(answer.get_future().get().status().code(), absl::StatusCode::kUnimplemented);
  DestroyAll();
  left.get_future().wait();
}

TEST_F(NodeClientTest, EverythingMayGoWhileTheAnswerToAFinishIsHandedOn) {
  std::promise<absl::StatusOr<int64_t>> answer;
  std::promise<void> left;
  const auto cancel =
      NodeClient(*nodes_).Finish(kNode, kIncarnation, digest_, AnswerSlowly(answer, left));
  EXPECT_EQ(answer.get_future().get().status().code(), absl::StatusCode::kUnimplemented);
  DestroyAll();
  left.get_future().wait();
  // There is nothing to cancel any more.
  cancel();
}

}  // namespace
}  // namespace registry::controlplane
