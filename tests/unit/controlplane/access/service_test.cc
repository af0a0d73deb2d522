#include "controlplane/access/service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "oci/error.h"
#include "tests/unit/controlplane/access/service_fixture.h"

namespace registry::controlplane {
namespace {

using ::testing::HasSubstr;

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
    const bool by_policy =
        test.decision == v1::DECISION_DENIED || test.decision == v1::DECISION_INSUFFICIENT_SCOPE ||
        (test.decision == v1::DECISION_CREDENTIAL_REQUIRED && !test.actions.empty());
    EXPECT_EQ(response.has_refused_action(), by_policy) << index;
    ++index;
  }
}

TEST_F(AccessServiceTest, OnlyTokensHaveAnEnd) {
  EXPECT_FALSE(Authorize(admin_, {}).has_credential_expires_at());
  const v1::IssueTokenResponse issued = IssueToken(admin_, {}).value();
  EXPECT_EQ(issued.issued_at().seconds(), 1000);
  EXPECT_EQ(issued.expires_at().seconds(), 1300);
  // With the leeway for clocks that differ: from then on it is refused.
  EXPECT_EQ(Authorize(Bearer(issued.token()), {}).credential_expires_at().seconds(), 1360);
  now_ms_ = 1'359'000;
  EXPECT_EQ(Authorize(Bearer(issued.token()), {}).decision(), v1::DECISION_ALLOWED);
  now_ms_ = 1'360'000;
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

TEST_F(AccessServiceTest, ATokenHasTheLastFourHundredScopes) {
  const auto name = [](int i) { return absl::StrCat(std::string(200, 'a'), i); };
  std::vector<std::string> scopes;
  for (int i = 0; i < 500; ++i) {
    scopes.push_back(absl::StrCat("repository:", name(i), ":pull,push,delete"));
  }
  const v1::IssueTokenResponse issued = IssueToken(admin_, scopes).value();
  EXPECT_LE(issued.token().size(), base::kMaxIssuedTokenBytes);
  ASSERT_EQ(issued.granted_scopes_size(), 400);
  EXPECT_EQ(issued.granted_scopes(0).name(), name(100));
  EXPECT_EQ(issued.granted_scopes(399).name(), name(499));
  const v1::Credential bearer = Bearer(issued.token());
  EXPECT_EQ(Authorize(bearer, {Push(name(100))}).decision(), v1::DECISION_ALLOWED);
  EXPECT_EQ(Authorize(bearer, {Push(name(499))}).decision(), v1::DECISION_ALLOWED);
  EXPECT_EQ(Authorize(bearer, {Push(name(99))}).decision(), v1::DECISION_INSUFFICIENT_SCOPE);
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

  Replace(MakePolicy(kOtherHash));
  v1::AuthorizeResponse response = Authorize(token, {Pull("a/b")});
  EXPECT_EQ(response.decision(), v1::DECISION_TOKEN_INVALID);
  EXPECT_THAT(response.reason(),
              HasSubstr("the password or token that it was issued for has changed"));
  EXPECT_EQ(response.revision(), 2);
  EXPECT_EQ(Authorize(admin_, {}).decision(), v1::DECISION_ALLOWED);
  EXPECT_EQ(checks(), before + 1) << "checked against the new hash";

  Replace(Policy::Create({}).value());
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

TEST_F(AccessServiceTest, ALaterRevisionThanOursIsToBeAskedForAgain) {
  v1::AuthorizeRequest request;
  v1::AuthorizeResponse response;
  request.set_min_revision(1);
  EXPECT_TRUE(Authorize(request, &response).ok());
  request.set_min_revision(2);
  const grpc::Status status = Authorize(request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_THAT(status.error_message(), HasSubstr("revision 1 of the policy, not 2"));
  Replace(MakePolicy());
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
  // One password is checked, one waits, the others are refused.
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
