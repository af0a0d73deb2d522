#include "base/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>

namespace registry::base {
namespace {

TEST(WorkerPoolTest, RunsEveryJobBeforeItIsDestroyed) {
  std::atomic<int> done = 0;
  {
    WorkerPool pool(2, 1000);
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(pool.Submit([&] { ++done; }));
  }
  EXPECT_EQ(done, 1000);
}

TEST(WorkerPoolTest, RunsAsManyJobsAtOnceAsItHasThreads) {
  WorkerPool pool(3, 10);
  // Each job ends only when all three have begun.
  std::latch begun(3);
  std::latch ended(3);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(pool.Submit([&] {
      begun.arrive_and_wait();
      ended.count_down();
    }));
  }
  ended.wait();
}

TEST(WorkerPoolTest, RefusesAJobWhenTheQueueIsFullAndDestroysItUnrun) {
  std::latch running(1);
  std::latch go_on(1);
  std::atomic<bool> ran = false;
  auto canary = std::make_shared<int>(0);
  {
    WorkerPool pool(1, 2);
    ASSERT_TRUE(pool.Submit([&] {
      running.count_down();
      go_on.wait();
    }));
    running.wait();
    EXPECT_TRUE(pool.Submit([] {}));
    EXPECT_TRUE(pool.Submit([] {}));
    EXPECT_FALSE(pool.Submit([&ran, canary] { ran = true; }));
    EXPECT_EQ(canary.use_count(), 1);
    go_on.count_down();
  }
  EXPECT_FALSE(ran);
}

TEST(WorkerPoolTest, QueuedJobsHoldNoMoreBytesThanAreAllowed) {
  std::latch running(1);
  std::latch go_on(1);
  WorkerPool pool(1, 100, 1000);
  ASSERT_TRUE(pool.Submit(
      [&] {
        running.count_down();
        go_on.wait();
      },
      5000));
  running.wait();
  // A job that runs is not queued any more.
  EXPECT_TRUE(pool.Submit([] {}, 600));
  EXPECT_FALSE(pool.Submit([] {}, 401));
  EXPECT_TRUE(pool.Submit([] {}, 400));
  EXPECT_FALSE(pool.Submit([] {}, 1));
  EXPECT_TRUE(pool.Submit([] {}));
  go_on.count_down();
}

TEST(WorkerPoolTest, AJobLargerThanTheQueueMayWaitAlone) {
  std::latch running(1);
  std::latch go_on(1);
  std::atomic<bool> ran = false;
  {
    WorkerPool pool(1, 100, 1000);
    ASSERT_TRUE(pool.Submit([&] {
      running.count_down();
      go_on.wait();
    }));
    running.wait();
    EXPECT_TRUE(pool.Submit([&] { ran = true; }, 2000));
    EXPECT_FALSE(pool.Submit([] {}, 1));
    go_on.count_down();
  }
  EXPECT_TRUE(ran);
}

TEST(WorkerPoolTest, JobsMaySubmitJobs) {
  std::latch done(1);
  WorkerPool pool(1, 10);
  ASSERT_TRUE(pool.Submit([&] { EXPECT_TRUE(pool.Submit([&] { done.count_down(); })); }));
  done.wait();
}

}  // namespace
}  // namespace registry::base
