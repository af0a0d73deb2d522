#include "controlplane/access_service.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/grpc_status.h"
#include "oci/error.h"

namespace registry::controlplane {
namespace {

using ::testing::HasSubstr;

constexpr char kHash[] = "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
constexpr char kOtherHash[] = "$2b$06$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

Policy MakePolicy(const char* admin_hash = kHash) {
  return Policy::Create({{.name = "admin",
                          .password_hash = admin_hash,
                          .administrator = true,
                          .credential_version = ""},
                         {.name = "bob",
                          .password_hash = kHash,
                          .administrator = false,
                          .credential_version = ""}})
      .value();
}

v1::Action Pull(const std::string& repository) {
  v1::Action action;
  action.set_resource(v1::RESOURCE_MANIFESTS);
  action.set_verb(v1::VERB_GET);
  action.set_repository(repository);
  action.set_tag("latest");
  return action;
}

v1::Action Push(const std::string& repository) {
  v1::Action action = Pull(repository);
  action.set_verb(v1::VERB_PUT);
  return action;
}

v1::Action Catalog() {
  v1::Action action;
  action.set_resource(v1::RESOURCE_CATALOG);
  action.set_verb(v1::VERB_GET);
  return action;
}

v1::Credential Basic(const std::string& user, const std::string& password) {
  v1::Credential credential;
  credential.mutable_basic()->set_username(user);
  credential.mutable_basic()->set_password(password);
  return credential;
}

v1::Credential Bearer(const std::string& token) {
  v1::Credential credential;
  credential.set_bearer_token(token);
  return credential;
}

std::unique_ptr<grpc::ClientContext> Context() {
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
    options.passwords.verify = [this](absl::string_view password, absl::string_view hash) {
      std::unique_lock lock(mutex_);
      ++checks_;
      changed_.notify_all();
      changed_.wait(lock, [this] { return !held_; });
      return password == "right" && (hash == kHash || hash == kOtherHash);
    };
    access_ = AccessService::Create(std::move(options)).value();
    grpc::ServerBuilder builder;
    builder.RegisterService(access_.get());
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
    v1::AuthorizeResponse response;
    const grpc::Status status = Authorize(request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  absl::StatusOr<v1::IssueTokenResponse> IssueToken(const v1::Credential& credential,
                                                    const std::vector<std::string>& scopes,
                                                    const std::string& service = "") {
    v1::IssueTokenRequest request;
    *request.mutable_credential() = credential;
    request.set_service(service);
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

  const v1::Credential nobody_;
  const v1::Credential admin_ = Basic("admin", "right");
  std::atomic<int64_t> now_ms_ = 1'000'000;
  std::shared_ptr<PolicyHolder> policy_ = std::make_shared<PolicyHolder>(MakePolicy());

  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
  int checks_ = 0;

  std::unique_ptr<AccessService> access_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::AccessService::Stub> stub_;
};

TEST_F(AccessServiceTest, DecidesAsTheTableSays) {
  const v1::Credential pull_token = TokenOf(admin_, "repository:a/b:pull");
  const v1::Credential all_token = TokenOf(admin_, "repository:a/b:* registry:catalog:*");
  const v1::Credential bob_token = TokenOf(Basic("bob", "right"), "repository:a/b:pull");
  const v1::Credential anonymous_token = TokenOf(nobody_, "repository:a/b:pull");
  const struct {
    v1::Credential credential;
    std::vector<v1::Action> actions;
    v1::Decision decision;
    const char* principal;
    const char* reason;
  } cases[] = {
      {nobody_, {}, v1::DECISION_CREDENTIAL_REQUIRED, "", "log in"},
      {nobody_, {Pull("a/b")}, v1::DECISION_CREDENTIAL_REQUIRED, "", "anonymous clients may not"},
      {nobody_, {Catalog()}, v1::DECISION_CREDENTIAL_REQUIRED, "", "list the repositories"},
      {admin_, {}, v1::DECISION_ALLOWED, "admin", ""},
      {admin_, {Pull("a/b"), Push("c"), Catalog()}, v1::DECISION_ALLOWED, "admin", ""},
      {Basic("admin", "wrong"), {}, v1::DECISION_CREDENTIAL_INVALID, "", "wrong user name or"},
      {Basic("admin", ""), {}, v1::DECISION_CREDENTIAL_INVALID, "", "wrong user name or"},
      {Basic("admin", std::string(73, 'x')), {}, v1::DECISION_CREDENTIAL_INVALID, "", "72 bytes"},
      {Basic("eve", "right"),
       {Pull("a/b")},
       v1::DECISION_CREDENTIAL_INVALID,
       "",
       "wrong user name or password"},
      {Basic("", ""), {}, v1::DECISION_CREDENTIAL_INVALID, "", "wrong user name or password"},
      {Basic("bob", "right"), {}, v1::DECISION_ALLOWED, "bob", ""},
      {Basic("bob", "right"),
       {Push("a/b")},
       v1::DECISION_DENIED,
       "bob",
       R"(user "bob" may not push to repository "a/b" (PUT manifests, tag "latest"))"},
      {pull_token, {}, v1::DECISION_ALLOWED, "admin", ""},
      {pull_token, {Pull("a/b")}, v1::DECISION_ALLOWED, "admin", ""},
      {pull_token,
       {Push("a/b")},
       v1::DECISION_INSUFFICIENT_SCOPE,
       "admin",
       R"(not issued for "repository:a/b:push")"},
      {pull_token,
       {Pull("a/b"), Pull("c")},
       v1::DECISION_INSUFFICIENT_SCOPE,
       "admin",
       R"(not issued for "repository:c:pull")"},
      {pull_token, {Catalog()}, v1::DECISION_INSUFFICIENT_SCOPE, "admin", "registry:catalog:*"},
      {all_token, {Pull("a/b"), Push("a/b"), Catalog()}, v1::DECISION_ALLOWED, "admin", ""},
      {bob_token, {}, v1::DECISION_ALLOWED, "bob", ""},
      {bob_token, {Pull("a/b")}, v1::DECISION_DENIED, "bob", "may not pull"},
      {anonymous_token, {}, v1::DECISION_ALLOWED, "", ""},
      {anonymous_token, {Pull("a/b")}, v1::DECISION_CREDENTIAL_REQUIRED, "", "anonymous clients"},
      {Bearer("x"), {}, v1::DECISION_TOKEN_INVALID, "", "not a JSON Web Token"},
      {Bearer(""), {}, v1::DECISION_TOKEN_INVALID, "", "not a JSON Web Token"},
      {Bearer(std::string(100'000, 'a')), {}, v1::DECISION_TOKEN_INVALID, "", "100000 bytes"},
  };
  int index = 0;
  for (const auto& test : cases) {
    const v1::AuthorizeResponse response = Authorize(test.credential, test.actions);
    EXPECT_EQ(response.decision(), test.decision) << index;
    EXPECT_EQ(response.principal(), test.principal) << index;
    EXPECT_THAT(response.reason(), HasSubstr(test.reason)) << index;
    EXPECT_EQ(response.reason().empty(), test.decision == v1::DECISION_ALLOWED) << index;
    EXPECT_EQ(response.revision(), 1) << index;
    ++index;
  }
}

TEST_F(AccessServiceTest, OnlyTokensHaveAnEnd) {
  EXPECT_FALSE(Authorize(admin_, {}).has_credential_expires_at());
  const v1::IssueTokenResponse issued = IssueToken(admin_, {}).value();
  EXPECT_EQ(issued.issued_at().seconds(), 1000);
  EXPECT_EQ(issued.expires_at().seconds(), 1300);
  EXPECT_EQ(Authorize(Bearer(issued.token()), {}).credential_expires_at().seconds(), 1300);
  now_ms_ = 1'300'000;
  EXPECT_EQ(Authorize(Bearer(issued.token()), {}).decision(), v1::DECISION_TOKEN_INVALID);
}

TEST_F(AccessServiceTest, IssuesWhatIsAskedAndAllowed) {
  const v1::IssueTokenResponse issued =
      IssueToken(admin_,
                 {"repository:a/b:pull,push", "repository(plugin):c:*", "registry:catalog:*",
                  "repository:UPPER:pull", "unknown:x:pull"},
                 "simple-registry")
          .value();
  ASSERT_EQ(issued.granted_scopes_size(), 3);
  EXPECT_EQ(issued.granted_scopes(0).name(), "a/b");
  EXPECT_THAT(issued.granted_scopes(0).actions(), testing::ElementsAre("pull", "push"));
  EXPECT_EQ(issued.granted_scopes(1).name(), "c");
  EXPECT_THAT(issued.granted_scopes(1).actions(), testing::ElementsAre("*"));
  EXPECT_EQ(issued.granted_scopes(2).type(), "registry");

  EXPECT_EQ(
      IssueToken(Basic("bob", "right"), {"repository:a/b:pull"}).value().granted_scopes_size(), 0);
  EXPECT_EQ(IssueToken(nobody_, {"repository:a/b:pull"}).value().granted_scopes_size(), 0);
}

TEST_F(AccessServiceTest, ATokenForManyScopesStaysUsable) {
  std::vector<std::string> scopes;
  for (int i = 0; i < 100; ++i) {
    scopes.push_back(absl::StrCat("repository:", std::string(200, 'a'), i, ":pull,push,delete"));
  }
  const v1::IssueTokenResponse issued = IssueToken(admin_, scopes).value();
  EXPECT_GT(issued.granted_scopes_size(), 10);
  EXPECT_LT(issued.granted_scopes_size(), 100);
  EXPECT_EQ(Authorize(Bearer(issued.token()), {Push(issued.granted_scopes(0).name())}).decision(),
            v1::DECISION_ALLOWED);
}

TEST_F(AccessServiceTest, NoTokenForAWrongPasswordATokenOrAnotherService) {
  absl::Status status = IssueToken(Basic("admin", "wrong"), {}).status();
  EXPECT_EQ(oci::CodeOf(status), oci::ErrorCode::kUnauthorized);
  EXPECT_THAT(std::string(status.message()), HasSubstr("wrong user name or password"));
  status = IssueToken(TokenOf(admin_, ""), {}).status();
  EXPECT_EQ(oci::CodeOf(status), oci::ErrorCode::kUnauthorized);
  status = IssueToken(admin_, {}, "other.example.com").status();
  EXPECT_EQ(oci::CodeOf(status), oci::ErrorCode::kDenied);
  EXPECT_THAT(std::string(status.message()), HasSubstr("other.example.com"));
}

TEST_F(AccessServiceTest, AChangedPasswordEndsTokensAndLogins) {
  const v1::Credential token = TokenOf(admin_, "repository:a/b:pull");
  EXPECT_EQ(Authorize(token, {Pull("a/b")}).decision(), v1::DECISION_ALLOWED);
  const int before = checks();
  EXPECT_EQ(Authorize(admin_, {}).decision(), v1::DECISION_ALLOWED);
  EXPECT_EQ(checks(), before) << "remembered";

  policy_->Replace(MakePolicy(kOtherHash));
  v1::AuthorizeResponse response = Authorize(token, {Pull("a/b")});
  EXPECT_EQ(response.decision(), v1::DECISION_TOKEN_INVALID);
  EXPECT_THAT(response.reason(), HasSubstr("password has changed"));
  EXPECT_EQ(response.revision(), 2);
  EXPECT_EQ(Authorize(admin_, {}).decision(), v1::DECISION_ALLOWED);
  EXPECT_EQ(checks(), before + 1) << "checked against the new hash";

  policy_->Replace(Policy::Create({}).value());
  EXPECT_EQ(Authorize(token, {}).decision(), v1::DECISION_TOKEN_INVALID);
  EXPECT_EQ(Authorize(admin_, {}).decision(), v1::DECISION_CREDENTIAL_INVALID);
}

TEST_F(AccessServiceTest, AnUnknownUserCostsABcryptToo) {
  EXPECT_EQ(Authorize(Basic("eve", "guess"), {}).decision(), v1::DECISION_CREDENTIAL_INVALID);
  EXPECT_EQ(checks(), 1);
}

TEST_F(AccessServiceTest, RepeatedRequestsCostOneBcrypt) {
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(Authorize(admin_, {Pull(absl::StrCat("r", i))}).decision(), v1::DECISION_ALLOWED);
  }
  EXPECT_EQ(checks(), 1);
}

TEST_F(AccessServiceTest, MalformedActionsAreErrors) {
  const auto error = [&](v1::Action action) {
    v1::AuthorizeRequest request;
    *request.add_actions() = std::move(action);
    v1::AuthorizeResponse response;
    return Authorize(request, &response);
  };
  v1::Action no_verb = Pull("a");
  no_verb.clear_verb();
  v1::Action no_resource = Pull("a");
  no_resource.clear_resource();
  v1::Action bad_tag = Pull("a");
  bad_tag.set_tag("-");
  for (const v1::Action& action :
       {no_verb, no_resource, bad_tag, Pull("A"), Pull(""), Pull("../a")}) {
    EXPECT_EQ(error(action).error_code(), grpc::StatusCode::INVALID_ARGUMENT)
        << action.ShortDebugString();
  }
}

TEST_F(AccessServiceTest, ALaterRevisionThanOursIsUnavailable) {
  v1::AuthorizeRequest request;
  v1::AuthorizeResponse response;
  request.set_min_revision(1);
  EXPECT_TRUE(Authorize(request, &response).ok());
  request.set_min_revision(2);
  const grpc::Status status = Authorize(request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("revision 1 of the policy, not 2"));
  policy_->Replace(MakePolicy());
  EXPECT_TRUE(Authorize(request, &response).ok());
}

TEST_F(AccessServiceTest, AFullPasswordQueueRefusesLoginsAndNothingElse) {
  AccessServiceOptions options;
  options.passwords.threads = 1;
  options.passwords.max_queued = 1;
  Restart(std::move(options));
  const v1::Credential token = TokenOf(admin_, "repository:a/b:pull");
  const int before = checks();

  Hold(true);
  std::vector<std::thread> logins;
  std::atomic<int> refused = 0;
  const auto log_in = [&](int i) {
    v1::AuthorizeRequest request;
    *request.mutable_credential() = Basic("bob", absl::StrCat("guess", i));
    v1::AuthorizeResponse response;
    const grpc::Status status = Authorize(request, &response);
    if (status.ok()) {
      EXPECT_EQ(response.decision(), v1::DECISION_CREDENTIAL_INVALID);
    } else {
      EXPECT_EQ(oci::CodeOf(base::FromGrpcStatus(status)), oci::ErrorCode::kTooManyRequests);
      ++refused;
      std::lock_guard lock(mutex_);
      changed_.notify_all();
    }
  };
  logins.emplace_back(log_in, 0);
  WaitForChecks(before + 1);
  // One is checked, one waits, the others are refused.
  for (int i = 1; i < 10; ++i) logins.emplace_back(log_in, i);
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return refused == 8; });
  }
  EXPECT_EQ(Authorize(admin_, {Pull("a/b")}).decision(), v1::DECISION_ALLOWED);
  EXPECT_EQ(Authorize(token, {Pull("a/b")}).decision(), v1::DECISION_ALLOWED);
  const absl::Status status = IssueToken(Basic("bob", "guess"), {}).status();
  EXPECT_EQ(oci::CodeOf(status), oci::ErrorCode::kTooManyRequests);
  Hold(false);
  for (std::thread& login : logins) login.join();
  EXPECT_EQ(refused, 8);
}

// A client's end of WatchPolicy, which reads as fast as it can.
class Watcher : public grpc::ClientReadReactor<v1::WatchPolicyResponse> {
 public:
  explicit Watcher(v1::AccessService::Stub* stub) {
    stub->async()->WatchPolicy(&context_, &request_, this);
    StartRead(&response_);
    StartCall();
  }
  ~Watcher() override { Wait(); }

  void Cancel() { context_.TryCancel(); }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    {
      std::lock_guard lock(mutex_);
      EXPECT_GE(response_.revision(), revision_);
      revision_ = response_.revision();
      ++messages_;
      changed_.notify_all();
    }
    StartRead(&response_);
  }
  void OnDone(const grpc::Status& status) override {
    std::lock_guard lock(mutex_);
    status_ = status;
    done_ = true;
    changed_.notify_all();
  }

  void WaitForRevision(int64_t revision) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return revision_ >= revision || done_; });
    EXPECT_FALSE(done_) << status_.error_message();
  }
  void WaitForMessages(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return messages_ >= count || done_; });
    EXPECT_FALSE(done_) << status_.error_message();
  }
  grpc::Status Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return done_; });
    return status_;
  }

 private:
  grpc::ClientContext context_;
  v1::WatchPolicyRequest request_;
  v1::WatchPolicyResponse response_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int64_t revision_ = 0;
  int messages_ = 0;
  bool done_ = false;
  grpc::Status status_;
};

TEST_F(AccessServiceTest, AWatcherHearsTheRevisionAtOnceAndEachChange) {
  AccessServiceOptions options;
  options.heartbeat = std::chrono::hours(1);
  Restart(std::move(options));
  Watcher watcher(stub_.get());
  watcher.WaitForRevision(1);
  for (int64_t revision = 2; revision < 50; ++revision) {
    ASSERT_EQ(policy_->Replace(MakePolicy()), revision);
    watcher.WaitForRevision(revision);
  }
  watcher.Cancel();
  EXPECT_EQ(watcher.Wait().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(AccessServiceTest, AWatcherHearsHeartbeats) {
  AccessServiceOptions options;
  options.heartbeat = std::chrono::milliseconds(1);
  Restart(std::move(options));
  Watcher watcher(stub_.get());
  watcher.WaitForMessages(20);
  watcher.Cancel();
}

TEST_F(AccessServiceTest, AThousandWatchersHearAChangeAndAuthorizeStillAnswers) {
  std::vector<std::unique_ptr<Watcher>> watchers;
  for (int i = 0; i < 1000; ++i) watchers.push_back(std::make_unique<Watcher>(stub_.get()));
  for (const auto& watcher : watchers) watcher->WaitForRevision(1);
  EXPECT_EQ(Authorize(admin_, {Pull("a/b")}).decision(), v1::DECISION_ALLOWED);
  policy_->Replace(MakePolicy());
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(Authorize(admin_, {Pull("a/b")}).decision(), v1::DECISION_ALLOWED);
  }
  for (const auto& watcher : watchers) watcher->WaitForRevision(2);
  // Half leave, half stay open when the server stops.
  for (size_t i = 0; i < watchers.size(); i += 2) watchers[i]->Cancel();
  EXPECT_EQ(Authorize(admin_, {}).decision(), v1::DECISION_ALLOWED);
  Stop();
}

TEST_F(AccessServiceTest, AWatcherThatDoesNotReadStopsNobody) {
  AccessServiceOptions options;
  options.heartbeat = std::chrono::milliseconds(1);
  Restart(std::move(options));
  grpc::ClientContext context;
  const auto reader = stub_->WatchPolicy(&context, v1::WatchPolicyRequest());
  Watcher watcher(stub_.get());
  watcher.WaitForMessages(100);
  v1::WatchPolicyResponse response;
  EXPECT_TRUE(reader->Read(&response));
  context.TryCancel();
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  watcher.Cancel();
}

TEST_F(AccessServiceTest, ClosingEndsWatchersNowAndLater) {
  Watcher early(stub_.get());
  early.WaitForRevision(1);
  access_->CloseWatches();
  EXPECT_EQ(early.Wait().error_code(), grpc::StatusCode::UNAVAILABLE);
  Watcher late(stub_.get());
  EXPECT_EQ(late.Wait().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Authorize(admin_, {}).decision(), v1::DECISION_ALLOWED);
}

TEST_F(AccessServiceTest, TooManyWatchersAreRefused) {
  AccessServiceOptions options;
  options.max_watches = 1;
  Restart(std::move(options));
  Watcher first(stub_.get());
  first.WaitForRevision(1);
  Watcher second(stub_.get());
  const grpc::Status status = second.Wait();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("1 clients already watch"));
  first.Cancel();
}

TEST_F(AccessServiceTest, ShuttingDownAnswersLoginsThatAreBeingChecked) {
  Hold(true);
  std::thread login([this] {
    v1::AuthorizeRequest request;
    *request.mutable_credential() = admin_;
    v1::AuthorizeResponse response;
    Authorize(request, &response);  // answered or cancelled
  });
  WaitForChecks(1);
  std::thread release([this] { Hold(false); });
  server_->Shutdown(std::chrono::system_clock::now());
  login.join();
  release.join();
}

}  // namespace
}  // namespace registry::controlplane
