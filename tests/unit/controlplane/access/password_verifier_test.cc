#include "controlplane/access/password_verifier.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "absl/strings/str_cat.h"

namespace registry::controlplane {
namespace {

// A verification that counts calls, and waits while held. The password "right" is correct.
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
    return [this](PasswordAnswer answer) {
      std::lock_guard lock(mutex_);
      ++counts_[static_cast<size_t>(answer.verdict)];
      retry_after_ = answer.retry_after;
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
  // Of the last answer.
  std::chrono::milliseconds retry_after() {
    std::lock_guard lock(mutex_);
    return retry_after_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int counts_[4] = {};
  std::chrono::milliseconds retry_after_{0};
};

class PasswordVerifierTest : public testing::Test {
 protected:
  PasswordVerifierOptions Options() {
    PasswordVerifierOptions options;
    options.threads = 1;
    options.verify = bcrypt_.Function();
    options.failures.now_ms = [this] { return now_ms_.load(); };
    return options;
  }
  static PasswordVerifier::Login Login(std::string user, std::string password,
                                       std::string client = "192.0.2.1") {
    return {.user = std::move(user),
            .password = std::move(password),
            .password_hash = "$2b$04$hash",
            .client = std::move(client)};
  }
  void Fail(PasswordVerifier& verifier, int count, const std::string& client = "192.0.2.1") {
    const int before = verdicts_.count(PasswordVerdict::kWrong);
    for (int i = 1; i <= count; ++i) {
      verifier.Verify(Login("admin", "wrong", client), verdicts_.Callback());
      verdicts_.WaitFor(PasswordVerdict::kWrong, before + i);
    }
  }

  std::atomic<int64_t> now_ms_ = 0;
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
    PasswordVerifier::Login login = Login(user, "right");
    login.password_hash = hash;
    verifier.Verify(login, verdicts_.Callback());
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

TEST_F(PasswordVerifierTest, QueuedChecksAreAnsweredBeforeTheEnd) {
  {
    PasswordVerifier verifier(Options());
    for (int i = 0; i < 16; ++i) {
      verifier.Verify(Login(absl::StrCat("user", i), "right"), verdicts_.Callback());
    }
  }
  EXPECT_EQ(verdicts_.count(PasswordVerdict::kCorrect), 16);
}

TEST_F(PasswordVerifierTest, ALoginThatWasAbandonedInTheQueueCostsNoBcryptAndIsNoFailure) {
  PasswordVerifier verifier(Options());
  bcrypt_.Hold();
  verifier.Verify(Login("bob", "right"), verdicts_.Callback());
  bcrypt_.WaitForRuns(1);
  const auto abandoned = [] { return true; };
  for (size_t i = 0; i < base::kMaxLoginFailures + 1; ++i) {
    verifier.Verify(Login("admin", absl::StrCat("wrong", i)), verdicts_.Callback(), abandoned);
  }
  // Somebody still waits for this one.
  verifier.Verify(Login("carol", "right"), verdicts_.Callback(), abandoned);
  verifier.Verify(Login("carol", "right"), verdicts_.Callback(), [] { return false; });
  bcrypt_.Release();
  verdicts_.WaitFor(PasswordVerdict::kCorrect, 3);
  verdicts_.WaitFor(PasswordVerdict::kBusy, base::kMaxLoginFailures);
  EXPECT_EQ(bcrypt_.runs(), 2);
  verifier.Verify(Login("admin", "right"), verdicts_.Callback());
  verdicts_.WaitFor(PasswordVerdict::kCorrect, 4);
}

TEST_F(PasswordVerifierTest, TenFailuresAMinuteOfAUserFromAnAddressAreChecked) {
  PasswordVerifier verifier(Options());
  Fail(verifier, 10);
  now_ms_ = 20'000;
  verifier.Verify(Login("admin", "wrong"), verdicts_.Callback());
  verifier.Verify(Login("admin", "right"), verdicts_.Callback());
  verifier.Verify(Login("admin", ""), verdicts_.Callback());
  EXPECT_EQ(verdicts_.count(PasswordVerdict::kTooManyFailures), 3);
  EXPECT_EQ(verdicts_.retry_after(), std::chrono::seconds(40));
  EXPECT_EQ(bcrypt_.runs(), 10);

  verifier.Verify(Login("admin", "right", "192.0.2.2"), verdicts_.Callback());
  verdicts_.WaitFor(PasswordVerdict::kCorrect, 1);
  verifier.Verify(Login("bob", "right"), verdicts_.Callback());
  verdicts_.WaitFor(PasswordVerdict::kCorrect, 2);
  now_ms_ = 60'000;
  verifier.Verify(Login("admin", "right"), verdicts_.Callback());
  verdicts_.WaitFor(PasswordVerdict::kCorrect, 3);
}

TEST_F(PasswordVerifierTest, ARememberedPasswordCannotBeGuessedAtTheSpeedOfALookUp) {
  PasswordVerifier verifier(Options());
  verifier.Verify(Login("admin", "right"), verdicts_.Callback());
  verdicts_.WaitFor(PasswordVerdict::kCorrect, 1);
  Fail(verifier, 10);
  verifier.Verify(Login("admin", "right"), verdicts_.Callback());
  EXPECT_EQ(verdicts_.count(PasswordVerdict::kTooManyFailures), 1);
}

TEST_F(PasswordVerifierTest, ARememberedPasswordCannotBeGuessedWhileTheQueueIsFull) {
  PasswordVerifierOptions options = Options();
  options.max_queued_of_client = 1;
  PasswordVerifier verifier(options);
  verifier.Verify(Login("admin", "right"), verdicts_.Callback());
  verdicts_.WaitFor(PasswordVerdict::kCorrect, 1);
  bcrypt_.Hold();
  verifier.Verify(Login("eve", "wrong"), verdicts_.Callback());
  for (int i = 0; i < 9; ++i) {
    verifier.Verify(Login("admin", absl::StrCat("guess", i)), verdicts_.Callback());
  }
  verifier.Verify(Login("admin", "right"), verdicts_.Callback());
  EXPECT_EQ(verdicts_.count(PasswordVerdict::kCorrect), 2) << "few guesses change nothing";
  verifier.Verify(Login("admin", "guess"), verdicts_.Callback());
  verifier.Verify(Login("admin", "right"), verdicts_.Callback());
  EXPECT_EQ(verdicts_.count(PasswordVerdict::kBusy), 11) << "not compared any more";
  bcrypt_.Release();
  verdicts_.WaitFor(PasswordVerdict::kWrong, 1);
  verifier.Verify(Login("admin", "right"), verdicts_.Callback());
  verdicts_.WaitFor(PasswordVerdict::kCorrect, 3);
  EXPECT_EQ(bcrypt_.runs(), 3) << "those that found the queue full are no failures";
}

TEST_F(PasswordVerifierTest, APasswordRememberedForOneAddressIsNotForAnother) {
  PasswordVerifier verifier(Options());
  for (int i = 1; i <= 3; ++i) {
    verifier.Verify(Login("admin", "right", absl::StrCat("192.0.2.", i)), verdicts_.Callback());
    verdicts_.WaitFor(PasswordVerdict::kCorrect, i);
  }
  EXPECT_EQ(bcrypt_.runs(), 3);
}

TEST_F(PasswordVerifierTest, AThousandLoginsAtTheSameTimeCostNoMoreThanTheLimit) {
  bcrypt_.Hold();
  PasswordVerifier verifier(Options());
  for (int i = 0; i < 1000; ++i) {
    verifier.Verify(Login("admin", absl::StrCat("guess", i)), verdicts_.Callback());
  }
  EXPECT_EQ(verdicts_.count(PasswordVerdict::kTooManyFailures), 990);
  bcrypt_.Release();
  verdicts_.WaitFor(PasswordVerdict::kWrong, 10);
  EXPECT_EQ(bcrypt_.runs(), 10);
}

TEST_F(PasswordVerifierTest, TheSameLoginAtTheSameTimeFailsOnce) {
  bcrypt_.Hold();
  PasswordVerifier verifier(Options());
  for (int i = 0; i < 100; ++i) verifier.Verify(Login("admin", "wrong"), verdicts_.Callback());
  bcrypt_.Release();
  verdicts_.WaitFor(PasswordVerdict::kWrong, 100);
  Fail(verifier, 9);
  verifier.Verify(Login("admin", "right"), verdicts_.Callback());
  EXPECT_EQ(verdicts_.count(PasswordVerdict::kTooManyFailures), 1);
}

TEST_F(PasswordVerifierTest, ManyFirstLoginsWithTheRightPasswordAreNotLimited) {
  bcrypt_.Hold();
  PasswordVerifier verifier(Options());
  for (int i = 0; i < 100; ++i) verifier.Verify(Login("admin", "right"), verdicts_.Callback());
  bcrypt_.Release();
  verdicts_.WaitFor(PasswordVerdict::kCorrect, 100);
  Fail(verifier, 10);
}

TEST_F(PasswordVerifierTest, OneAddressTakesNoMoreThanItsShareOfTheQueue) {
  PasswordVerifierOptions options = Options();
  options.max_queued = 64;
  options.max_queued_of_client = 16;
  bcrypt_.Hold();
  PasswordVerifier verifier(options);
  for (int i = 0; i < 1000; ++i) {
    verifier.Verify(Login(absl::StrCat("user", i), "wrong"), verdicts_.Callback());
  }
  EXPECT_EQ(verdicts_.count(PasswordVerdict::kBusy), 1000 - 16);
  verifier.Verify(Login("alice", "right", "192.0.2.2"), verdicts_.Callback());
  EXPECT_EQ(verdicts_.count(PasswordVerdict::kBusy), 1000 - 16);
  bcrypt_.Release();
  verdicts_.WaitFor(PasswordVerdict::kCorrect, 1);
  verdicts_.WaitFor(PasswordVerdict::kWrong, 16);
  verifier.Verify(Login("bob", "right"), verdicts_.Callback());
  verdicts_.WaitFor(PasswordVerdict::kCorrect, 2);
}

TEST_F(PasswordVerifierTest, AddressesTakeTurns) {
  std::mutex mutex;
  std::vector<std::string> checked;
  PasswordVerifierOptions options = Options();
  options.verify = [&, bcrypt = bcrypt_.Function()](absl::string_view password,
                                                    absl::string_view hash) {
    {
      std::lock_guard lock(mutex);
      checked.emplace_back(password);
    }
    return bcrypt(password, hash);
  };
  bcrypt_.Hold();
  PasswordVerifier verifier(options);
  verifier.Verify(Login("user", "a0", "192.0.2.1"), verdicts_.Callback());
  bcrypt_.WaitForRuns(1);
  for (const char* password : {"a1", "a2", "a3"}) {
    verifier.Verify(Login("user", password, "192.0.2.1"), verdicts_.Callback());
  }
  for (const char* password : {"b1", "b2"}) {
    verifier.Verify(Login("user", password, "192.0.2.2"), verdicts_.Callback());
  }
  bcrypt_.Release();
  verdicts_.WaitFor(PasswordVerdict::kWrong, 6);
  EXPECT_EQ(checked, (std::vector<std::string>{"a0", "a1", "b1", "a2", "b2", "a3"}));
}

TEST_F(PasswordVerifierTest, AWrongPasswordCostsWhatItCostsWithTheCostliestHash) {
  std::mutex mutex;
  int rounds = 0;
  PasswordVerifierOptions options = Options();
  options.verify = [&](absl::string_view password, absl::string_view hash) {
    std::lock_guard lock(mutex);
    rounds += 1 << BcryptCostOf(hash);
    return password == "right";
  };
  PasswordVerifier verifier(options);
  int wrong = 0;
  for (int cost : {4, 10, 12}) {
    PasswordVerifier::Login login = Login("admin", "wrong");
    login.password_hash = MakeDecoyHash(cost);
    login.highest_cost = 12;
    rounds = 0;
    verifier.Verify(login, verdicts_.Callback());
    verdicts_.WaitFor(PasswordVerdict::kWrong, ++wrong);
    EXPECT_EQ(rounds, 1 << 12) << cost;
  }
}

}  // namespace
}  // namespace registry::controlplane
