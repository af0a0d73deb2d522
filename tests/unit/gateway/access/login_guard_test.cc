#include "gateway/access/login_guard.h"

#include <gtest/gtest.h>

#include <list>

namespace registry::gateway {
namespace {

class LoginGuardTest : public testing::Test {
 protected:
  // Begins and accepts a login. Returns its may_be_cached().
  bool Accepted() {
    LoginGuard::Login login(guard_);
    login.Accept();
    return login.may_be_cached();
  }

  LoginGuard::Time now_ = LoginGuard::Time() + std::chrono::hours(1);
  LoginGuard guard_{[this] { return now_; }};
};

TEST_F(LoginGuardTest, WhileNoLoginFailsAllMayUseTheCache) {
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(Accepted());
}

TEST_F(LoginGuardTest, AfterAFailureNoLoginMayUseTheCacheForAMinute) {
  { LoginGuard::Login login(guard_); }
  EXPECT_FALSE(Accepted());
  now_ += std::chrono::seconds(59);
  EXPECT_FALSE(Accepted());
  now_ += std::chrono::seconds(1);
  EXPECT_TRUE(Accepted());
}

TEST_F(LoginGuardTest, OfConcurrentLoginsOnlyAsManyUseTheCacheAsMayFail) {
  std::list<LoginGuard::Login> logins;
  int may = 0;
  for (int i = 0; i < 100; ++i) may += logins.emplace_back(guard_).may_be_cached() ? 1 : 0;
  EXPECT_EQ(may, 10);
  for (LoginGuard::Login& login : logins) login.Accept();
  logins.clear();
  EXPECT_TRUE(Accepted());
}

// After a change of the policy nothing is in the cache, and under load there are always logins that
// wait for the control plane.
TEST_F(LoginGuardTest, LoginsThatBypassTheCacheKeepNoOtherOutOfIt) {
  std::list<LoginGuard::Login> looked_up;
  for (int i = 0; i < 10; ++i) looked_up.emplace_back(guard_).Accept();
  std::list<LoginGuard::Login> asked;
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(asked.emplace_back(guard_).may_be_cached());
    asked.back().Accept();
  }
  looked_up.clear();
  EXPECT_TRUE(Accepted());
  asked.clear();
  EXPECT_TRUE(Accepted());
}

}  // namespace
}  // namespace registry::gateway
