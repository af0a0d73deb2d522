#include "gateway/login_guard.h"

#include <gtest/gtest.h>

#include <list>

namespace registry::gateway {
namespace {

class LoginGuardTest : public testing::Test {
 protected:
  // What may_be_cached() of a login said that was then accepted.
  bool Accepted() {
    LoginGuard::Login login(guard_);
    login.Accept();
    return login.may_be_cached();
  }

  LoginGuard::Time now_ = LoginGuard::Time() + std::chrono::hours(1);
  LoginGuard guard_{[this] { return now_; }};
};

TEST_F(LoginGuardTest, WhileNoneFailsAllMayBeCached) {
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(Accepted());
}

TEST_F(LoginGuardTest, AfterAFailureNoneMayForAMinute) {
  { LoginGuard::Login login(guard_); }
  EXPECT_FALSE(Accepted());
  now_ += std::chrono::seconds(59);
  EXPECT_FALSE(Accepted());
  now_ += std::chrono::seconds(1);
  EXPECT_TRUE(Accepted());
}

TEST_F(LoginGuardTest, OfManyAtTheSameTimeOnlyAsManyMayAsMayFail) {
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
