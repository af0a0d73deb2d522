#include "gateway/access/access_cache.h"

#include <gtest/gtest.h>

namespace registry::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using std::chrono::system_clock;

AccessAnswer Allowed(int64_t revision,
                     system_clock::time_point expires_at = system_clock::time_point::max()) {
  return {AccessDecision::kAllowed, "alice", "", revision, expires_at};
}

class AccessCacheTest : public ::testing::Test {
 protected:
  const steady_clock::time_point now_ = steady_clock::now();
  const system_clock::time_point wall_ = system_clock::now();
};

TEST_F(AccessCacheTest, RemembersAnAnswerWhileThePolicyIsHeard) {
  AccessCache cache;
  cache.OnHeartbeat("a", 1, now_);
  cache.Insert("key", Allowed(1));
  ASSERT_TRUE(cache.Find("key", now_, wall_).has_value());
  EXPECT_EQ(cache.Find("key", now_, wall_)->principal, "alice");
  EXPECT_FALSE(cache.Find("other", now_, wall_).has_value());
}

TEST_F(AccessCacheTest, ANewRevisionForgetsEverything) {
  AccessCache cache;
  cache.OnHeartbeat("a", 1, now_);
  cache.Insert("key", Allowed(1));
  cache.OnHeartbeat("a", 2, now_);
  EXPECT_FALSE(cache.Find("key", now_, wall_).has_value());
  EXPECT_EQ(cache.revision(), 2);
}

TEST_F(AccessCacheTest, AnAnswerOfAnOlderRevisionIsNotKept) {
  AccessCache cache;
  cache.OnHeartbeat("a", 2, now_);
  cache.Insert("key", Allowed(1));
  EXPECT_FALSE(cache.Find("key", now_, wall_).has_value());
}

TEST_F(AccessCacheTest, ARevisionNeverGoesBack) {
  AccessCache cache;
  cache.OnHeartbeat("a", 3, now_);
  cache.OnHeartbeat("a", 2, now_);
  EXPECT_EQ(cache.revision(), 3);
}

TEST_F(AccessCacheTest, SilenceOfTheControlPlaneDisablesIt) {
  AccessCache cache;
  cache.OnHeartbeat("a", 1, now_);
  cache.Insert("key", Allowed(1));
  EXPECT_TRUE(cache.Find("key", now_ + base::kPolicySilence, wall_).has_value());
  EXPECT_FALSE(cache.Find("key", now_ + base::kPolicySilence + milliseconds(1), wall_).has_value());
  cache.OnHeartbeat("a", 1, now_ + seconds(10));
  EXPECT_TRUE(cache.Find("key", now_ + seconds(10), wall_).has_value());
}

TEST_F(AccessCacheTest, AnAnswerEndsWithItsCredential) {
  AccessCache cache;
  cache.OnHeartbeat("a", 1, now_);
  cache.Insert("key", Allowed(1, wall_ + seconds(60)));
  EXPECT_TRUE(cache.Find("key", now_, wall_ + seconds(59)).has_value());
  EXPECT_FALSE(cache.Find("key", now_, wall_ + seconds(60)).has_value());
}

// The replica heard before is gone, and another one has not caught up yet.
TEST_F(AccessCacheTest, AReplicaThatLagsBehindDoesNotTakeThePolicyBack) {
  AccessCache cache;
  cache.OnHeartbeat("a", 10, now_);
  cache.Insert("key", Allowed(10));
  EXPECT_FALSE(cache.OnHeartbeat("b", 8, now_ + seconds(1)));
  EXPECT_EQ(cache.revision(), 10);
  // Nor does its heartbeat count.
  EXPECT_FALSE(cache.Find("key", now_ + seconds(2), wall_).has_value());
  EXPECT_FALSE(cache.OnHeartbeat("b", 9, now_ + seconds(2)));
  EXPECT_EQ(cache.revision(), 10);
  EXPECT_FALSE(cache.OnHeartbeat("b", 10, now_ + milliseconds(2500)));
  EXPECT_EQ(cache.revision(), 10);
  cache.Insert("key", Allowed(10));
  EXPECT_TRUE(cache.Find("key", now_ + milliseconds(2500), wall_).has_value());
}

TEST_F(AccessCacheTest, ARevisionThatStaysLowerIsThatOfARestoredDatabase) {
  AccessCache cache;
  cache.OnHeartbeat("a", 10, now_);
  const auto restarted = now_ + seconds(60);
  EXPECT_FALSE(cache.OnHeartbeat("b", 8, restarted));
  EXPECT_FALSE(cache.OnHeartbeat("b", 8, restarted + base::kPolicyLag - milliseconds(1)));
  EXPECT_TRUE(cache.OnHeartbeat("b", 8, restarted + base::kPolicyLag));
  EXPECT_EQ(cache.revision(), 8);
  cache.Insert("key", Allowed(8));
  EXPECT_TRUE(cache.Find("key", restarted + base::kPolicyLag, wall_).has_value());
  // What was answered before the restart is not used for it.
  cache.Insert("old", Allowed(10));
  EXPECT_FALSE(cache.OnHeartbeat("b", 9, restarted + seconds(3)));
  EXPECT_FALSE(cache.Find("old", restarted + seconds(3), wall_).has_value());
}

// After a restore and two changes the revision is what it was, but not the policy.
TEST_F(AccessCacheTest, ANewEpochForgetsEverythingAtTheSameRevisionToo) {
  AccessCache cache;
  cache.OnHeartbeat("a", 10, now_);
  cache.Insert("key", Allowed(10));
  EXPECT_FALSE(cache.OnHeartbeat("b", 10, now_));
  EXPECT_FALSE(cache.Find("key", now_, wall_).has_value());
}

TEST_F(AccessCacheTest, HoldsNoMoreBytesThanItMay) {
  AccessCache cache(1000, 16 * 1024);
  cache.OnHeartbeat("a", 1, now_);
  AccessAnswer answer = Allowed(1);
  answer.decision = AccessDecision::kDenied;
  answer.reason = std::string(4000, 'x');
  for (const char* key : {"a", "b", "c", "d", "e"}) cache.Insert(key, answer);
  EXPECT_FALSE(cache.Find("a", now_, wall_).has_value());
  EXPECT_FALSE(cache.Find("b", now_, wall_).has_value());
  EXPECT_TRUE(cache.Find("c", now_, wall_).has_value());
  EXPECT_TRUE(cache.Find("e", now_, wall_).has_value());
}

TEST_F(AccessCacheTest, ForgetsTheLeastRecentlyUsedWhenFull) {
  AccessCache cache(2);
  cache.OnHeartbeat("a", 1, now_);
  cache.Insert("a", Allowed(1));
  cache.Insert("b", Allowed(1));
  EXPECT_TRUE(cache.Find("a", now_, wall_).has_value());
  cache.Insert("c", Allowed(1));
  EXPECT_TRUE(cache.Find("a", now_, wall_).has_value());
  EXPECT_FALSE(cache.Find("b", now_, wall_).has_value());
  EXPECT_TRUE(cache.Find("c", now_, wall_).has_value());
}

}  // namespace
}  // namespace registry::gateway
