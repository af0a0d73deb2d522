#include "controlplane/passwords.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "absl/strings/str_cat.h"

namespace registry::controlplane {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(PasswordsTest, AHashVerifiesItsPasswordOnly) {
  const std::string hash = HashPassword("s3cret").value();
  EXPECT_THAT(hash, StartsWith("$2b$10$"));
  EXPECT_TRUE(ValidatePasswordHash(hash).ok());
  EXPECT_TRUE(VerifyPassword("s3cret", hash));
  EXPECT_FALSE(VerifyPassword("s3cre", hash));
  EXPECT_FALSE(VerifyPassword("s3cret ", hash));
  EXPECT_NE(hash, HashPassword("s3cret").value()) << "the salt must differ";
}

// The test vector of crypt_blowfish 1.3 (wrapper.c), under the three names of the algorithm.
TEST(PasswordsTest, HashesOfOtherProgramsVerify) {
  EXPECT_TRUE(
      VerifyPassword("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"));
  EXPECT_TRUE(
      VerifyPassword("U*U", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"));
  EXPECT_TRUE(
      VerifyPassword("U*U", "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"));
  EXPECT_FALSE(
      VerifyPassword("U*V", "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"));
}

TEST(PasswordsTest, WhatBcryptWouldIgnoreIsRefused) {
  EXPECT_TRUE(ValidatePassword(std::string(72, 'x')).ok());
  EXPECT_THAT(std::string(HashPassword(std::string(73, 'x')).status().message()),
              HasSubstr("has 73 bytes"));
  EXPECT_THAT(std::string(HashPassword(absl::string_view("a\0b", 3)).status().message()),
              HasSubstr("NUL"));
  EXPECT_THAT(std::string(HashPassword("").status().message()), HasSubstr("empty"));

  const std::string hash = HashPassword(std::string(72, 'x')).value();
  EXPECT_TRUE(VerifyPassword(std::string(72, 'x'), hash));
  EXPECT_FALSE(VerifyPassword(std::string(73, 'x'), hash));
  EXPECT_FALSE(VerifyPassword(absl::string_view("a\0b", 3), HashPassword("a").value()));
}

TEST(PasswordsTest, MalformedHashesAreRefusedWithAReason) {
  const std::string good = "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
  ASSERT_TRUE(ValidatePasswordHash(good).ok());
  const auto with = [&](size_t at, absl::string_view text) {
    return std::string(good).replace(at, text.size(), std::string(text));
  };
  const std::pair<std::string, const char*> cases[] = {
      {"", "must begin with"},
      {"$6$salt$hash", "must begin with"},
      {with(2, "x"), "must begin with"},
      {good.substr(0, 59), "59 characters instead of 60"},
      {good + "x", "61 characters"},
      {with(4, "03"), "cost"},
      {with(4, "17"), "cost"},
      {with(4, " 5"), "cost"},
      {with(4, "+5"), "cost"},
      {with(6, "."), "cost"},
      {with(10, "!"), "no salt and hash"},
      {with(28, "D"), "no salt and hash"},
      {with(59, "X"), "no salt and hash"},
  };
  for (const auto& [hash, reason] : cases) {
    EXPECT_THAT(std::string(ValidatePasswordHash(hash).message()), HasSubstr(reason)) << hash;
    EXPECT_FALSE(VerifyPassword("U*U", hash)) << hash;
  }
}

TEST(PasswordsTest, ADecoyIsAValidHashOfTheCostAsked) {
  for (int cost : {4, 10, 16}) {
    const std::string decoy = MakeDecoyHash(cost);
    EXPECT_TRUE(ValidatePasswordHash(decoy).ok()) << decoy;
    EXPECT_EQ(BcryptCostOf(decoy), cost);
  }
  EXPECT_FALSE(VerifyPassword("s3cret", MakeDecoyHash(4)));
}

// A verification that counts, and waits while it is held. The password "right" is correct.
class FakeBcrypt {
 public:
  std::function<bool(absl::string_view, absl::string_view)> Function() {
    return [this](absl::string_view password, absl::string_view) {
      std::unique_lock lock(mutex_);
      ++runs_;
      changed_.notify_all();
      changed_.wait(lock, [this] { return !held_; });
      return password == "right";
    };
  }
  void Hold() {
    std::lock_guard lock(mutex_);
    held_ = true;
  }
  void Release() {
    std::lock_guard lock(mutex_);
    held_ = false;
    changed_.notify_all();
  }
  void WaitForRuns(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return runs_ >= count; });
  }
  int runs() {
    std::lock_guard lock(mutex_);
    return runs_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
  int runs_ = 0;
};

// Counts the verdicts and waits for them.
class Verdicts {
 public:
  PasswordVerifier::Callback Callback() {
    return [this](PasswordVerdict verdict) {
      std::lock_guard lock(mutex_);
      ++counts_[static_cast<size_t>(verdict)];
      changed_.notify_all();
    };
  }
  int count(PasswordVerdict verdict) {
    std::lock_guard lock(mutex_);
    return counts_[static_cast<size_t>(verdict)];
  }
  void WaitFor(PasswordVerdict verdict, int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return counts_[static_cast<size_t>(verdict)] >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int counts_[3] = {};
};

class PasswordVerifierTest : public testing::Test {
 protected:
  PasswordVerifierOptions Options() {
    PasswordVerifierOptions options;
    options.threads = 1;
    options.verify = bcrypt_.Function();
    return options;
  }
  static PasswordVerifier::Login Login(std::string user, std::string password,
                                       std::string hash = "hash") {
    return {
        .user = std::move(user), .password = std::move(password), .password_hash = std::move(hash)};
  }

  FakeBcrypt bcrypt_;
  Verdicts verdicts_;
};

TEST_F(PasswordVerifierTest, RepeatedLoginsCostOneBcrypt) {
  PasswordVerifier verifier(Options());
  for (int i = 1; i <= 100; ++i) {
    verifier.Verify(Login("admin", "right"), verdicts_.Callback());
    verdicts_.WaitFor(PasswordVerdict::kCorrect, i);
  }
  EXPECT_EQ(bcrypt_.runs(), 1);
}

TEST_F(PasswordVerifierTest, LoginsAtTheSameTimeShareOneBcrypt) {
  bcrypt_.Hold();
  PasswordVerifier verifier(Options());
  for (int i = 0; i < 100; ++i) verifier.Verify(Login("admin", "right"), verdicts_.Callback());
  for (int i = 0; i < 50; ++i) verifier.Verify(Login("admin", "wrong"), verdicts_.Callback());
  bcrypt_.Release();
  verdicts_.WaitFor(PasswordVerdict::kCorrect, 100);
  verdicts_.WaitFor(PasswordVerdict::kWrong, 50);
  EXPECT_EQ(bcrypt_.runs(), 2);
}

TEST_F(PasswordVerifierTest, WrongPasswordsAreNotRemembered) {
  PasswordVerifier verifier(Options());
  for (int i = 1; i <= 3; ++i) {
    verifier.Verify(Login("admin", "wrong"), verdicts_.Callback());
    verdicts_.WaitFor(PasswordVerdict::kWrong, i);
  }
  EXPECT_EQ(bcrypt_.runs(), 3);
}

TEST_F(PasswordVerifierTest, AChangedHashOrAnotherUserIsCheckedAnew) {
  PasswordVerifier verifier(Options());
  int expected = 0;
  for (const auto& [user, hash] :
       std::vector<std::pair<std::string, std::string>>{{"a", "1"}, {"a", "2"}, {"b", "1"}}) {
    verifier.Verify(Login(user, "right", hash), verdicts_.Callback());
    verdicts_.WaitFor(PasswordVerdict::kCorrect, ++expected);
  }
  EXPECT_EQ(bcrypt_.runs(), 3);
}

TEST_F(PasswordVerifierTest, TheLeastRecentlyUsedIsForgottenFirst) {
  PasswordVerifierOptions options = Options();
  options.max_remembered = 2;
  PasswordVerifier verifier(options);
  int expected = 0;
  const auto log_in = [&](const char* user) {
    verifier.Verify(Login(user, "right"), verdicts_.Callback());
    verdicts_.WaitFor(PasswordVerdict::kCorrect, ++expected);
  };
  log_in("a");
  log_in("b");
  log_in("a");
  log_in("c");  // b goes
  EXPECT_EQ(bcrypt_.runs(), 3);
  log_in("a");
  EXPECT_EQ(bcrypt_.runs(), 3);
  log_in("b");
  EXPECT_EQ(bcrypt_.runs(), 4);
}

TEST_F(PasswordVerifierTest, AFullQueueIsBusyAtOnceButRememberedLoginsPass) {
  PasswordVerifierOptions options = Options();
  options.max_queued = 2;
  PasswordVerifier verifier(options);
  verifier.Verify(Login("admin", "right"), verdicts_.Callback());
  verdicts_.WaitFor(PasswordVerdict::kCorrect, 1);

  bcrypt_.Hold();
  verifier.Verify(Login("admin", "wrong 0"), verdicts_.Callback());
  bcrypt_.WaitForRuns(2);
  verifier.Verify(Login("admin", "wrong 1"), verdicts_.Callback());
  verifier.Verify(Login("admin", "wrong 2"), verdicts_.Callback());
  EXPECT_EQ(verdicts_.count(PasswordVerdict::kBusy), 0);
  verifier.Verify(Login("admin", "wrong 3"), verdicts_.Callback());
  EXPECT_EQ(verdicts_.count(PasswordVerdict::kBusy), 1);
  verifier.Verify(Login("admin", "right"), verdicts_.Callback());
  EXPECT_EQ(verdicts_.count(PasswordVerdict::kCorrect), 2);

  bcrypt_.Release();
  verdicts_.WaitFor(PasswordVerdict::kWrong, 3);
  EXPECT_EQ(verdicts_.count(PasswordVerdict::kBusy), 1);
}

TEST_F(PasswordVerifierTest, TooManyThatWaitForTheSameLoginAreBusy) {
  PasswordVerifierOptions options = Options();
  options.max_joined = 2;
  bcrypt_.Hold();
  PasswordVerifier verifier(options);
  for (int i = 0; i < 4; ++i) verifier.Verify(Login("admin", "right"), verdicts_.Callback());
  EXPECT_EQ(verdicts_.count(PasswordVerdict::kBusy), 1);
  bcrypt_.Release();
  verdicts_.WaitFor(PasswordVerdict::kCorrect, 3);
}

TEST_F(PasswordVerifierTest, PasswordsThatBcryptCannotHashAreWrongAtOnce) {
  PasswordVerifier verifier(Options());
  verifier.Verify(Login("admin", ""), verdicts_.Callback());
  verifier.Verify(Login("admin", std::string(73, 'x')), verdicts_.Callback());
  EXPECT_EQ(verdicts_.count(PasswordVerdict::kWrong), 2);
  EXPECT_EQ(bcrypt_.runs(), 0);
}

TEST_F(PasswordVerifierTest, WhatIsQueuedIsAnsweredBeforeTheEnd) {
  {
    PasswordVerifier verifier(Options());
    for (int i = 0; i < 20; ++i) {
      verifier.Verify(Login(absl::StrCat("user", i), "right"), verdicts_.Callback());
    }
  }
  EXPECT_EQ(verdicts_.count(PasswordVerdict::kCorrect), 20);
}

}  // namespace
}  // namespace registry::controlplane
