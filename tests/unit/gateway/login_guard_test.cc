#include "gateway/login_guard.h"

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

}  // namespace
}  // namespace registry::gateway
