// An AccessService behind an in-process server, for its tests.
#ifndef REGISTRY_TESTS_UNIT_CONTROLPLANE_ACCESS_SERVICE_FIXTURE_H_
#define REGISTRY_TESTS_UNIT_CONTROLPLANE_ACCESS_SERVICE_FIXTURE_H_

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/grpc_status.h"
#include "controlplane/access/grpc_service.h"
#include "controlplane/access/service.h"

namespace registry::controlplane {

inline constexpr char kHash[] = "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
inline constexpr char kOtherHash[] = "$2b$06$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

// "admin" may do everything, "bob" nothing.
inline PolicyObjects MakeObjects(const char* admin_hash = kHash) {
  PolicyObjects objects = AdministratorOnly("admin", admin_hash);
  objects.users.push_back(
      {.name = "bob", .password_hash = kHash, .groups = {}, .credential_version = ""});
  return objects;
}

inline Policy MakePolicy(const char* admin_hash = kHash) {
  return Policy::Create(MakeObjects(admin_hash)).value();
}

inline v1::Action Pull(const std::string& repository) {
  v1::Action action;
  action.set_resource(v1::RESOURCE_MANIFESTS);
  action.set_verb(v1::VERB_GET);
  action.set_repository(repository);
  action.set_tag("latest");
  return action;
}

inline v1::Action Push(const std::string& repository) {
  v1::Action action = Pull(repository);
  action.set_verb(v1::VERB_PUT);
  return action;
}

inline v1::Action Catalog() {
  v1::Action action;
  action.set_resource(v1::RESOURCE_CATALOG);
  action.set_verb(v1::VERB_GET);
  return action;
}

inline v1::Credential Basic(const std::string& user, const std::string& password) {
  v1::Credential credential;
  credential.mutable_basic()->set_username(user);
  credential.mutable_basic()->set_password(password);
  return credential;
}

inline v1::Credential Bearer(const std::string& token) {
  v1::Credential credential;
  credential.set_bearer_token(token);
  return credential;
}

inline std::unique_ptr<grpc::ClientContext> Context() {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  return context;
}

// The password of every user is "right".
class AccessServiceTest : public testing::Test {
 protected:
  void SetUp() override { Start({}); }
  void TearDown() override { Stop(); }

  void Start(AccessServiceOptions options) {
    options.policy = policy_;
    options.tokens.signing_key = std::string(32, 'k');
    options.tokens.clock = [this] { return now_ms_.load(); };
    options.passwords.failures.now_ms = [this] { return now_ms_.load(); };
    options.passwords.verify = [this](absl::string_view password, absl::string_view hash) {
      std::unique_lock lock(mutex_);
      ++checks_;
      changed_.notify_all();
      changed_.wait(lock, [this] { return !held_; });
      return password == "right" && (hash == kHash || hash == kOtherHash);
    };
    access_ = AccessService::Create(std::move(options)).value();
    grpc::ServerBuilder builder;
    grpc_access_ = std::make_unique<GrpcAccessService>(*access_);
    builder.RegisterService(grpc_access_.get());
    server_ = builder.BuildAndStart();
    stub_ = v1::AccessService::NewStub(server_->InProcessChannel({}));
  }

  void Stop() {
    if (server_ == nullptr) return;
    Hold(false);
    stub_.reset();
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
    server_.reset();
    access_.reset();
  }

  void Restart(AccessServiceOptions options) {
    Stop();
    Start(std::move(options));
  }

  // With the next revision.
  void Replace(Policy policy) {
    policy_->Replace({.policy = std::make_shared<const Policy>(std::move(policy)),
                      .revision = policy_->revision() + 1});
  }

  void Hold(bool held) {
    std::lock_guard lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }

  void WaitForChecks(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return checks_ >= count; });
  }

  int checks() {
    std::lock_guard lock(mutex_);
    return checks_;
  }

  grpc::Status Authorize(const v1::AuthorizeRequest& request, v1::AuthorizeResponse* response) {
    return stub_->Authorize(Context().get(), request, response);
  }

  v1::AuthorizeResponse Authorize(const v1::Credential& credential,
                                  const std::vector<v1::Action>& actions) {
    v1::AuthorizeRequest request;
    *request.mutable_credential() = credential;
    for (const v1::Action& action : actions) *request.add_actions() = action;
    request.set_client_address(client_address_);
    v1::AuthorizeResponse response;
    const grpc::Status status = Authorize(request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  // Without actions. The error, if there is one.
  absl::Status LogIn(const v1::Credential& credential) {
    v1::AuthorizeRequest request;
    *request.mutable_credential() = credential;
    request.set_client_address(client_address_);
    v1::AuthorizeResponse response;
    return base::FromGrpcStatus(Authorize(request, &response));
  }

  absl::StatusOr<v1::IssueTokenResponse> IssueToken(const v1::Credential& credential,
                                                    const std::vector<std::string>& scopes,
                                                    const std::string& service = "") {
    v1::IssueTokenRequest request;
    *request.mutable_credential() = credential;
    request.set_service(service);
    request.set_client_address(client_address_);
    for (const std::string& text : scopes) {
      for (const oci::Scope& scope : oci::ParseScopes(text)) {
        v1::TokenScope* message = request.add_scopes();
        message->set_type(scope.type);
        message->set_name(scope.name);
        for (const std::string& action : scope.actions) message->add_actions(action);
      }
    }
    v1::IssueTokenResponse response;
    const absl::Status status =
        base::FromGrpcStatus(stub_->IssueToken(Context().get(), request, &response));
    if (!status.ok()) return status;
    return response;
  }

  v1::Credential TokenOf(const v1::Credential& credential, const std::string& scope) {
    return Bearer(IssueToken(credential, {scope}).value().token());
  }

  std::string client_address_ = "192.0.2.1";
  const v1::Credential nobody_;
  const v1::Credential admin_ = Basic("admin", "right");
  std::atomic<int64_t> now_ms_ = 1'000'000;
  std::shared_ptr<PolicyHolder> policy_ = std::make_shared<PolicyHolder>(
      PolicySnapshot{.policy = std::make_shared<const Policy>(MakePolicy()), .revision = 1});

  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
  int checks_ = 0;

  std::unique_ptr<AccessService> access_;
  std::unique_ptr<GrpcAccessService> grpc_access_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::AccessService::Stub> stub_;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_TESTS_UNIT_CONTROLPLANE_ACCESS_SERVICE_FIXTURE_H_
