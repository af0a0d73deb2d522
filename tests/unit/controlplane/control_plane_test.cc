// Tests the whole plane.
#include "controlplane/control_plane.h"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "controlplane/passwords.h"
#include "controlplane/policy/error.h"
#include "registry/v1/access.grpc.pb.h"
#include "tests/unit/controlplane/metadata/service_fixture.h"

namespace registry::controlplane {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ControlPlaneTest : public MetadataServiceTest {
 protected:
  ControlPlaneTest() {
    options_.database = plane_database_.location();
    options_.policy.objects = AdministratorOnly("admin", MakeDecoyHash(4));
    options_.load_policy = [] { return NothingToReload("nothing to reload here"); };
    options_.storage_nodes = {{kNode, storage_server_->InProcessChannel(grpc::ChannelArguments())}};
  }
  TestDatabase plane_database_;
  ControlPlaneOptions options_;
};

TEST_F(ControlPlaneTest, ServesBothServicesAndEndsItsStreams) {
  auto plane = ControlPlane::Open(options_);
  ASSERT_TRUE(plane.ok()) << plane.status();
  grpc::ServerBuilder builder;
  for (grpc::Service* service : (*plane)->services()) builder.RegisterService(service);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  const auto channel = server->InProcessChannel(grpc::ChannelArguments());

  stub_ = v1::MetadataService::NewStub(channel);
  const std::string id = PushAt("a", "hello");
  EXPECT_EQ(GetAt("a", DigestOf("hello").ToString())->incarnation(), id);

  grpc::ClientContext context;
  const auto watch = v1::AccessService::NewStub(channel)->WatchPolicy(&context, {});
  v1::WatchPolicyResponse revision;
  EXPECT_TRUE(watch->Read(&revision));
  (*plane)->Shutdown();
  while (watch->Read(&revision)) {
  }
  server->Shutdown();
}

TEST_F(ControlPlaneTest, BadOptionsAreNamed) {
  ControlPlaneOptions options = options_;
  options.storage_nodes[0].id = "node one";
  EXPECT_THAT(ControlPlane::Open(options).status().message(), HasSubstr("node one"));
  options = options_;
  options.policy.objects = AdministratorOnly("admin", "plain");
  EXPECT_FALSE(ControlPlane::Open(options).ok());
  options = options_;
  options.database = folder_ + "/missing/plane.db";
  EXPECT_THAT(ControlPlane::Open(options).status().message(), HasSubstr(options.database));
}

TEST_F(ControlPlaneTest, ItsCallerSaysThatThereIsNothingToReload) {
  auto plane = ControlPlane::Open(options_);
  ASSERT_TRUE(plane.ok()) << plane.status();
  const absl::Status status = (*plane)->ReloadPolicy();
  EXPECT_TRUE(IsNothingToReload(status)) << status;
  EXPECT_EQ(status.message(), "nothing to reload here");
  // Another failure of the same code is one.
  EXPECT_FALSE(IsNothingToReload(absl::FailedPreconditionError("a folder")));
  (*plane)->Shutdown();
}

// The first reload reads the policy but installs it slowly; meanwhile another reads a newer one.
TEST_F(ControlPlaneTest, OfReloadsAtOnceTheNewestPolicyHolds) {
  std::mutex mutex;
  std::condition_variable changed;
  int reads = 0;
  bool second_done = false;
  options_.load_policy = [&]() -> absl::StatusOr<ConfiguredPolicy> {
    std::unique_lock lock(mutex);
    const int read = ++reads;
    changed.notify_all();
    // Where reloads take turns, the second one does not end before this one.
    if (read == 1)
      changed.wait_for(lock, std::chrono::milliseconds(300), [&] { return second_done; });
    return ConfiguredPolicy{.objects = AdministratorOnly(absl::StrCat("admin-", read), kAdminHash)};
  };
  auto plane = ControlPlane::Open(options_);
  ASSERT_TRUE(plane.ok()) << plane.status();
  std::thread first([&] { EXPECT_TRUE((*plane)->ReloadPolicy().ok()); });
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return reads == 1; });
  }
  EXPECT_TRUE((*plane)->ReloadPolicy().ok());
  {
    std::lock_guard lock(mutex);
    second_done = true;
  }
  changed.notify_all();
  first.join();

  grpc::ServerBuilder builder;
  for (grpc::Service* service : (*plane)->services()) builder.RegisterService(service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  const auto access =
      v1::AccessService::NewStub(server->InProcessChannel(grpc::ChannelArguments()));
  for (const auto& [name, expected] : {std::pair("admin-1", v1::DECISION_CREDENTIAL_INVALID),
                                       std::pair("admin-2", v1::DECISION_ALLOWED)}) {
    v1::AuthorizeRequest request;
    request.mutable_credential()->mutable_basic()->set_username(name);
    request.mutable_credential()->mutable_basic()->set_password("U*U");
    v1::AuthorizeResponse response;
    grpc::ClientContext context;
    ASSERT_TRUE(access->Authorize(&context, request, &response).ok());
    EXPECT_EQ(response.decision(), expected) << name;
  }
  (*plane)->Shutdown();
  server->Shutdown();
}

}  // namespace
}  // namespace registry::controlplane
