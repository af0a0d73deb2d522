// Two gateways before one control plane, over TCP as in a cluster: a change of the policy is one
// for both of them.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <boost/asio/ip/tcp.hpp>
#include <filesystem>
#include <iterator>
#include <mutex>
#include <thread>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "app/config/files.h"
#include "controlplane/control_plane.h"
#include "gateway/gateway.h"
#include "tests/unit/dataplane/temp_folder.h"

namespace registry {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

// Of "U*U".
constexpr char kHash[] = "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
// From the change of the policy to its effect, where the gateways are told of it.
constexpr std::chrono::seconds kLive{2};
// Where they are not: base::kPolicySilence, and time for a busy machine.
constexpr std::chrono::seconds kUntold{10};
// After a restart of the control plane: gRPC connects again, and base::kPolicyLag.
constexpr std::chrono::seconds kRestarted{30};
constexpr char kManifest[] = "/v2/team/app/manifests/v1";

// bob, who may do with every repository what `verbs` says.
std::string PolicyOf(absl::string_view verbs) {
  constexpr char kApi[] = "---\napiVersion: simple-registry.jlsalvador.online/v1beta1\n";
  return absl::StrCat(
      kApi, "kind: User\nmetadata: {name: bob}\nspec: {passwordHash: ", kHash, "}\n",  //
      kApi, "kind: Role\nmetadata: {name: some}\nspec: {resources: ['*'], verbs: [", verbs, "]}\n",
      kApi, "kind: RoleBinding\nmetadata: {name: bob}\n",
      "spec: {subjects: [{kind: User, name: bob}], roleRef: {name: some}, scopes: ['.']}\n");
}

class SeveralGatewaysTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(StartControlPlane());
    for (int i = 0; i < 2; ++i) {
      // Channels of equal arguments would share one connection.
      grpc::ChannelArguments arguments;
      arguments.SetInt("gateway", i);
      gateway::GatewayOptions gateway_options;
      gateway_options.host = "127.0.0.1";
      gateway_options.port = 0;
      gateway_options.threads = 1;
      gateway_options.control_plane = grpc::CreateCustomChannel(
          absl::StrCat("127.0.0.1:", port_), grpc::InsecureChannelCredentials(), arguments);
      auto gateway = gateway::Gateway::Start(std::move(gateway_options));
      ASSERT_TRUE(gateway.ok()) << gateway.status();
      gateways_.push_back(*std::move(gateway));
    }
  }

  void TearDown() override {
    gateways_.clear();
    StopControlPlane();
  }

  // Anew at the same port, after the first time.
  void StartControlPlane() {
    controlplane::ControlPlaneOptions options;
    options.database = database_path();
    options.load_policy = [this] { return LoadPolicy(); };
    options.policy = LoadPolicy().value();
    auto plane = controlplane::ControlPlane::Open(options);
    ASSERT_TRUE(plane.ok()) << plane.status();
    plane_ = *std::move(plane);
    grpc::ServerBuilder builder;
    const std::string address = absl::StrCat("127.0.0.1:", port_);
    builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port_);
    for (grpc::Service* service : plane_->services()) builder.RegisterService(service);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
  }

  void StopControlPlane() {
    if (plane_) plane_->Shutdown();
    if (server_) server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
    server_.reset();
    plane_.reset();
  }

  static void CopyDatabase(const std::string& from, const std::string& to) {
    for (const char* suffix : {"", "-wal", "-shm"}) {
      std::filesystem::remove(to + suffix);
      if (std::filesystem::exists(from + suffix)) {
        std::filesystem::copy_file(from + suffix, to + suffix);
      }
    }
  }

  std::string database_path() const { return folder_.path() + "/metadata.db"; }

  absl::StatusOr<controlplane::ConfiguredPolicy> LoadPolicy() {
    std::lock_guard lock(mutex_);
    absl::StatusOr<app::LoadedFiles> files = app::ParseFiles({{"policy.yaml", policy_}});
    if (!files.ok()) return files.status();
    return controlplane::ConfiguredPolicy{.objects = std::move(files->objects)};
  }

  void ChangePolicy(std::string policy) {
    {
      std::lock_guard lock(mutex_);
      policy_ = std::move(policy);
    }
    EXPECT_TRUE(plane_->ReloadPolicy().ok());
  }

  // The whole answer to a GET.
  static std::string Get(const gateway::Gateway& gateway, absl::string_view target,
                         absl::string_view authorization) {
    const std::string address = gateway.address();
    const size_t colon = address.rfind(':');
    boost::asio::ip::tcp::iostream stream;
    stream.expires_after(std::chrono::seconds(20));
    stream.connect(address.substr(0, colon), address.substr(colon + 1));
    stream << "GET " << target << " HTTP/1.1\r\nHost: " << address
           << "\r\nAuthorization: " << authorization << "\r\nConnection: close\r\n\r\n"
           << std::flush;
    return std::string(std::istreambuf_iterator<char>(stream), {});
  }

  // The status of a request that is allowed as long as bob may GET: 404, because there is nothing.
  static std::string Status(const gateway::Gateway& gateway, absl::string_view authorization,
                            absl::string_view target = kManifest) {
    return Get(gateway, target, authorization).substr(sizeof "HTTP/1.1", 3);
  }

  // Lets the gateways keep answers, which they do as soon as they have heard of the policy.
  void Remember(absl::string_view authorization, const std::string& expected,
                absl::string_view target = kManifest) {
    for (int i = 0; i < 20; ++i) {
      for (const auto& gateway : gateways_) {
        EXPECT_EQ(Status(*gateway, authorization, target), expected);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }

  static std::string BearerFrom(const gateway::Gateway& gateway) {
    const std::string answer =
        Get(gateway, "/token?service=simple-registry&scope=repository:team/app:pull", kBasic);
    const absl::string_view key = "\"token\":\"";
    const size_t begin = answer.find(std::string(key));
    EXPECT_NE(begin, std::string::npos) << answer;
    if (begin == std::string::npos) return "";
    const size_t from = begin + key.size();
    return absl::StrCat("Bearer ", answer.substr(from, answer.find('"', from) - from));
  }

  // That the status at each gateway is `expected` after `limit` at the latest.
  void ExpectWithin(std::chrono::seconds limit, absl::string_view authorization,
                    const testing::Matcher<std::string>& expected,
                    absl::string_view target = kManifest) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    for (const auto& gateway : gateways_) {
      std::string status = Status(*gateway, authorization, target);
      while (!testing::Value(status, expected) && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        status = Status(*gateway, authorization, target);
      }
      EXPECT_THAT(status, expected);
    }
  }

  static inline const std::string kBasic = absl::StrCat("Basic ", absl::Base64Escape("bob:U*U"));

  int port_ = 0;
  std::mutex mutex_;
  std::string policy_ = PolicyOf("get");
  dataplane::TempFolder folder_;
  std::unique_ptr<controlplane::ControlPlane> plane_;
  std::unique_ptr<grpc::Server> server_;
  std::vector<std::unique_ptr<gateway::Gateway>> gateways_;
};

TEST_F(SeveralGatewaysTest, ARevokedRightIsGoneAtAllGateways) {
  const std::string bearer = BearerFrom(*gateways_[0]);
  for (const std::string& credential : {kBasic, bearer}) Remember(credential, "404");
  ChangePolicy(PolicyOf("put"));
  for (const std::string& credential : {kBasic, bearer}) {
    ExpectWithin(kLive, credential, AnyOf("401", "403"));
    // And it stays gone.
    for (const auto& gateway : gateways_) EXPECT_NE(Status(*gateway, credential), "404");
  }
  ChangePolicy(PolicyOf("get"));
  for (const std::string& credential : {kBasic, bearer}) ExpectWithin(kLive, credential, "404");
}

// The streams that tell the gateways of changes are broken, the calls are not.
TEST_F(SeveralGatewaysTest, AGatewayWithoutTheStreamAsksEachTime) {
  Remember(kBasic, "404");
  plane_->Shutdown();
  ChangePolicy(PolicyOf("put"));
  ExpectWithin(kUntold, kBasic, "403");
  ChangePolicy(PolicyOf("get"));
  ExpectWithin(kUntold, kBasic, "404");
}

// The restored policy has a lower revision than the one that the gateways have seen.
TEST_F(SeveralGatewaysTest, ADatabaseRestoredFromABackupLocksNobodyOut) {
  Remember(kBasic, "404");
  StopControlPlane();
  const std::string backup = database_path() + ".backup";
  CopyDatabase(database_path(), backup);
  StartControlPlane();
  for (const char* verbs : {"put", "get", "put", "get", "put"}) ChangePolicy(PolicyOf(verbs));
  ExpectWithin(kRestarted, kBasic, "403");
  StopControlPlane();
  CopyDatabase(backup, database_path());
  policy_ = PolicyOf("get");
  StartControlPlane();
  ExpectWithin(kRestarted, kBasic, "404");
  // And changes are heard of as before.
  ChangePolicy(PolicyOf("put"));
  ExpectWithin(kLive, kBasic, "403");
}

TEST_F(SeveralGatewaysTest, WithoutAControlPlaneTheCacheServesNobody) {
  Remember(kBasic, "200", "/v2/");
  plane_->Shutdown();
  server_->Shutdown(std::chrono::system_clock::now());
  ExpectWithin(kUntold, kBasic, "503", "/v2/");
  EXPECT_THAT(Get(*gateways_[0], "/v2/", kBasic), HasSubstr("Retry-After"));
}

}  // namespace
}  // namespace registry
