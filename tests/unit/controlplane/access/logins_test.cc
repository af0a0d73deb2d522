// Failed logins, as AccessService limits them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "base/retry_delay.h"
#include "controlplane/access/service.h"
#include "oci/error.h"
#include "tests/unit/controlplane/access/service_fixture.h"

namespace registry::controlplane {
namespace {

using ::testing::HasSubstr;

constexpr char kTokenValue[] = "0123456789abcdef";

class AccessLoginsTest : public AccessServiceTest {
 protected:
  // Wrong passwords, all different.
  void Fail(const std::string& user, int count = 10) {
    for (int i = 0; i < count; ++i) {
      EXPECT_EQ(Authorize(Basic(user, absl::StrCat("guess", ++guesses_)), {}).decision(),
                v1::DECISION_CREDENTIAL_INVALID);
    }
  }

  void ExpectRefused(const absl::Status& status, int seconds) {
    EXPECT_EQ(oci::CodeOf(status), oci::ErrorCode::kTooManyRequests) << status;
    EXPECT_EQ(base::RetryDelayOf(status), std::chrono::seconds(seconds));
    EXPECT_THAT(std::string(status.message()), HasSubstr(absl::StrCat("again in ", seconds, " s")));
  }

  int guesses_ = 0;
};

TEST_F(AccessLoginsTest, AfterTenFailuresNoneIsCheckedForAMinute) {
  Fail("admin");
  const int before = checks();
  now_ms_ += 17'500;
  ExpectRefused(LogIn(Basic("admin", "guess")), 43);
  ExpectRefused(LogIn(admin_), 43);
  ExpectRefused(IssueToken(admin_, {}).status(), 43);
  EXPECT_EQ(checks(), before);
  EXPECT_EQ(LogIn(admin_).message(),
            "too many failed logins as \"admin\" from 192.0.2.1; try again in 43 s");
  now_ms_ += 42'500;
  EXPECT_EQ(Authorize(admin_, {}).decision(), v1::DECISION_ALLOWED);
}

TEST_F(AccessLoginsTest, FailuresAtTheTokenServiceCountToo) {
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(oci::CodeOf(IssueToken(Basic("admin", absl::StrCat("guess", i)), {}).status()),
              oci::ErrorCode::kUnauthorized);
  }
  ExpectRefused(LogIn(admin_), 60);
}

TEST_F(AccessLoginsTest, OtherAddressesAndUsersAreNotAffected) {
  Fail("admin");
  EXPECT_EQ(Authorize(Basic("bob", "right"), {}).decision(), v1::DECISION_ALLOWED);
  client_address_ = "192.0.2.2";
  EXPECT_EQ(Authorize(admin_, {}).decision(), v1::DECISION_ALLOWED);
}

TEST_F(AccessLoginsTest, AWholeIpv6NetworkIsOneAddress) {
  for (int i = 0; i < 10; ++i) {
    client_address_ = absl::StrCat("2001:db8::", i);
    Fail("admin", 1);
  }
  client_address_ = "2001:db8::ffff";
  ExpectRefused(LogIn(admin_), 60);
  client_address_ = "2001:db8:0:1::ffff";
  EXPECT_EQ(Authorize(admin_, {}).decision(), v1::DECISION_ALLOWED);
}

TEST_F(AccessLoginsTest, UsersThatDoNotExistOrHaveNoPasswordAreLimitedAndCostAlike) {
  PolicyObjects objects = MakeObjects(kOtherHash);
  objects.users.push_back(
      {.name = "ci", .password_hash = "", .groups = {}, .credential_version = ""});
  Replace(Policy::Create(std::move(objects)).value());
  // "admin" has the costliest hash; "bob" has a cheaper one, so a further check makes up for it.
  const struct {
    const char* user;
    int checks;
  } cases[] = {{"admin", 10}, {"bob", 20}, {"ci", 10}, {"nobody", 10}, {"", 10}};
  for (const auto& test : cases) {
    const int before = checks();
    Fail(test.user);
    EXPECT_EQ(checks() - before, test.checks) << test.user;
    ExpectRefused(LogIn(Basic(test.user, "guess")), 60);
    ExpectRefused(LogIn(Basic(test.user, "right")), 60);
    EXPECT_EQ(checks() - before, test.checks) << test.user;
  }
}

TEST_F(AccessLoginsTest, BearerTokensAndTokensAsPasswordsStillWork) {
  PolicyObjects objects = MakeObjects();
  objects.tokens.push_back(
      {.name = "deploy", .value_hash = HashTokenValue(kTokenValue), .user = "admin"});
  Replace(Policy::Create(std::move(objects)).value());
  const v1::Credential token = TokenOf(admin_, "repository:a/b:pull");
  Fail("admin");
  ExpectRefused(LogIn(admin_), 60);
  EXPECT_EQ(Authorize(token, {Pull("a/b")}).decision(), v1::DECISION_ALLOWED);
  EXPECT_EQ(Authorize(Basic("admin", kTokenValue), {}).decision(), v1::DECISION_ALLOWED);
  ExpectRefused(LogIn(Basic("admin", "0123456789abcdeX")), 60);
}

TEST_F(AccessLoginsTest, AnotherUsersOrAnExpiredTokenIsAWrongPassword) {
  PolicyObjects objects = MakeObjects();
  objects.tokens.push_back({.name = "old",
                            .value_hash = HashTokenValue(kTokenValue),
                            .user = "admin",
                            .expires_at_ms = 1});
  Replace(Policy::Create(std::move(objects)).value());
  for (const char* user : {"admin", "bob"}) {
    const int before = checks();
    for (int i = 0; i < 10; ++i) {
      EXPECT_EQ(Authorize(Basic(user, kTokenValue), {}).decision(),
                v1::DECISION_CREDENTIAL_INVALID);
    }
    EXPECT_EQ(checks() - before, 10);
    ExpectRefused(LogIn(Basic(user, "right")), 60);
  }
}

}  // namespace
}  // namespace registry::controlplane
