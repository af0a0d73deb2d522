#include "gateway/limits/request_rate.h"

#include <gtest/gtest.h>

#include <string>

namespace registry::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class RequestRateTest : public testing::Test {
 protected:
  RequestRate Limit(int per_second, size_t max_entries = 100) {
    return RequestRate(
        {.per_second = per_second, .max_entries = max_entries, .now = [this] { return now_; }});
  }

  // How many requests at the same time are not refused.
  static int Accepted(RequestRate& rate, const std::string& who) {
    int count = 0;
    while (count < 1000 && !rate.Refusal(who)) ++count;
    return count;
  }

  std::chrono::steady_clock::time_point now_{std::chrono::hours(1)};
};

TEST_F(RequestRateTest, WithoutALimitNothingIsRefused) {
  RequestRate rate = Limit(0);
  EXPECT_EQ(Accepted(rate, "a"), 1000);
}

TEST_F(RequestRateTest, ABurstIsTenSecondsWorthAndThenItIsTheRate) {
  RequestRate rate = Limit(5);
  EXPECT_EQ(Accepted(rate, "a"), 50);
  EXPECT_EQ(rate.Refusal("a"), seconds(1));
  now_ += seconds(1);
  EXPECT_EQ(Accepted(rate, "a"), 5);
  now_ += milliseconds(500);
  EXPECT_EQ(Accepted(rate, "a"), 2);
  // The half that was left over counts.
  now_ += milliseconds(500);
  EXPECT_EQ(Accepted(rate, "a"), 3);
  now_ += seconds(1000);
  EXPECT_EQ(Accepted(rate, "a"), 50);
}

TEST_F(RequestRateTest, WhoAsksTooOftenIsRefusedAndNobodyElse) {
  RequestRate rate = Limit(1);
  EXPECT_EQ(Accepted(rate, "a"), 10);
  EXPECT_EQ(Accepted(rate, "b"), 10);
}

TEST_F(RequestRateTest, OnlySoManyAreRemembered) {
  RequestRate rate = Limit(1, 2);
  EXPECT_EQ(Accepted(rate, "a"), 10);
  EXPECT_EQ(Accepted(rate, "b"), 10);
  EXPECT_TRUE(rate.Refusal("a").has_value());
  EXPECT_EQ(Accepted(rate, "c"), 10);
  // "b" was not used for longest.
  EXPECT_TRUE(rate.Refusal("a").has_value());
  EXPECT_EQ(Accepted(rate, "b"), 10);
}

}  // namespace
}  // namespace registry::gateway
