#include "controlplane/access/login_failures.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "absl/strings/str_cat.h"

namespace registry::controlplane {
namespace {

using std::chrono::milliseconds;

constexpr char kHere[] = "192.0.2.1";
constexpr char kThere[] = "192.0.2.2";

class LoginFailuresTest : public testing::Test {
 protected:
  LoginFailuresOptions Options(size_t limit, size_t max_pairs = 100) {
    return {.limit = limit,
            .window = std::chrono::minutes(1),
            .max_pairs = max_pairs,
            .now_ms = [this] { return now_ms_.load(); }};
  }

  std::atomic<int64_t> now_ms_ = 5;
};

TEST_F(LoginFailuresTest, RefusesAfterTheLimitAndSaysHowLong) {
  LoginFailures failures(Options(3));
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(failures.Refusal("alice", kHere).has_value());
    EXPECT_EQ(failures.Reserve("alice", kHere), now_ms_);
    now_ms_ += 1000;
  }
  ASSERT_TRUE(failures.Refusal("alice", kHere).has_value());
  EXPECT_EQ(failures.Refusal("alice", kHere)->wait, milliseconds(57'000));
  EXPECT_EQ(failures.Reserve("alice", kHere), std::nullopt);
}

TEST_F(LoginFailuresTest, TheDefaultIsTenAMinute) {
  LoginFailuresOptions options;
  options.now_ms = [this] { return now_ms_.load(); };
  LoginFailures failures(options);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(failures.Reserve("alice", kHere).has_value());
  EXPECT_EQ(failures.Refusal("alice", kHere)->wait, milliseconds(60'000));
}

TEST_F(LoginFailuresTest, NoMinuteHasMoreThanTheLimit) {
  LoginFailures failures(Options(3));
  std::vector<int64_t> made_ms;
  for (; now_ms_ < 300'000; now_ms_ += 700) {
    if (failures.Reserve("alice", kHere)) made_ms.push_back(now_ms_);
  }
  ASSERT_GT(made_ms.size(), 12u) << "after a minute it works again";
  for (size_t i = 3; i < made_ms.size(); ++i) EXPECT_GE(made_ms[i] - made_ms[i - 3], 60'000);
}

TEST_F(LoginFailuresTest, AfterTheAnnouncedWaitItWorksAgain) {
  LoginFailures failures(Options(2));
  failures.Reserve("alice", kHere);
  now_ms_ += 10;
  failures.Reserve("alice", kHere);
  now_ms_ += failures.Refusal("alice", kHere)->wait.count() - 1;
  EXPECT_TRUE(failures.Refusal("alice", kHere).has_value());
  ++now_ms_;
  EXPECT_FALSE(failures.Refusal("alice", kHere).has_value());
  EXPECT_TRUE(failures.Reserve("alice", kHere).has_value());
  EXPECT_TRUE(failures.Refusal("alice", kHere).has_value());
}

TEST_F(LoginFailuresTest, OtherAddressesAndOtherUsersAreNotAffected) {
  LoginFailures failures(Options(1));
  failures.Reserve("alice", kHere);
  EXPECT_TRUE(failures.Refusal("alice", kHere).has_value());
  EXPECT_FALSE(failures.Refusal("alice", kThere).has_value());
  EXPECT_FALSE(failures.Refusal("bob", kHere).has_value());
  // The separator of user and address must not be confused with a part of either.
  EXPECT_FALSE(failures.Refusal("1alice", "192.0.2.").has_value());
}

TEST_F(LoginFailuresTest, AttemptsGivenBackDoNotCount) {
  LoginFailures failures(Options(2));
  failures.Reserve("alice", kHere);
  for (int i = 0; i < 100; ++i) {
    ++now_ms_;
    const std::optional<int64_t> attempt = failures.Reserve("alice", kHere);
    ASSERT_TRUE(attempt.has_value());
    failures.GiveBack("alice", kHere, *attempt);
  }
  failures.GiveBack("alice", kHere, 12345);
  failures.GiveBack("nobody", kHere, 12345);
  failures.Reserve("alice", kHere);
  EXPECT_TRUE(failures.Refusal("alice", kHere).has_value()) << "a success pardons no failure";
}

TEST_F(LoginFailuresTest, OnlyTheFirstRefusalIsToBeLogged) {
  LoginFailures failures(Options(1));
  failures.Reserve("alice", kHere);
  EXPECT_TRUE(failures.Refusal("alice", kHere)->first);
  EXPECT_FALSE(failures.Refusal("alice", kHere)->first);
  now_ms_ += 60'000;
  failures.Reserve("alice", kHere);
  EXPECT_TRUE(failures.Refusal("alice", kHere)->first);
}

TEST_F(LoginFailuresTest, AFloodOfOtherNamesNeitherResetsCountsNorLocksOut) {
  LoginFailures failures(Options(3, /*max_pairs=*/10));
  for (int i = 0; i < 2; ++i) failures.Reserve("alice", kHere);
  for (int i = 0; i < 3; ++i) failures.Reserve("bob", kHere);
  for (int i = 0; i < 1000; ++i) {
    ++now_ms_;
    const std::string name = absl::StrCat("name", i);
    EXPECT_FALSE(failures.Refusal(name, kHere).has_value());
    EXPECT_TRUE(failures.Reserve(name, kHere).has_value());
  }
  EXPECT_TRUE(failures.Refusal("bob", kHere).has_value());
  failures.Reserve("alice", kHere);
  EXPECT_TRUE(failures.Refusal("alice", kHere).has_value());
}

TEST_F(LoginFailuresTest, OfPairsWithTheFewestFailuresTheOldestIsEvicted) {
  LoginFailures failures(Options(2, /*max_pairs=*/3));
  for (const char* name : {"a", "b", "c"}) {
    failures.Reserve(name, kHere);
    ++now_ms_;
  }
  failures.Reserve("d", kHere);
  for (const char* name : {"b", "c", "d"}) {
    failures.Reserve(name, kHere);
    EXPECT_TRUE(failures.Refusal(name, kHere).has_value()) << name;
  }
  failures.Reserve("a", kHere);
  EXPECT_FALSE(failures.Refusal("a", kHere).has_value());
}

TEST_F(LoginFailuresTest, ExpiredPairsAreEvictedFirst) {
  LoginFailures failures(Options(2, /*max_pairs=*/2));
  for (int i = 0; i < 2; ++i) failures.Reserve("old", kHere);
  now_ms_ += 60'000;
  failures.Reserve("young", kHere);
  failures.Reserve("new", kHere);
  failures.Reserve("young", kHere);
  EXPECT_TRUE(failures.Refusal("young", kHere).has_value());
}

TEST_F(LoginFailuresTest, ConcurrentAttemptsDoNotExceedTheLimit) {
  LoginFailures failures(Options(10));
  std::atomic<int> made = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 1000; ++j) {
        if (failures.Reserve("alice", kHere)) ++made;
        failures.Refusal("alice", kHere);
        if (const auto other = failures.Reserve("bob", kHere)) {
          failures.GiveBack("bob", kHere, *other);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(made, 10);
  EXPECT_FALSE(failures.Refusal("bob", kHere).has_value());
}

}  // namespace
}  // namespace registry::controlplane
