#include "dataplane/file_executor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <vector>

#include "base/hash.h"

namespace registry::dataplane {
namespace {

Incarnation NewIncarnation() { return *Incarnation::Parse(base::NewUuid7()); }

TEST(FileExecutorTest, JobsOfAnIncarnationRunInOrderAndOneAtATime) {
  const Incarnation a = NewIncarnation();
  std::vector<int> order;  // No lock: that is the point.
  {
    FileExecutor executor({.short_threads = 4,
                           .long_threads = 2,
                           .max_queued = 100,
                           .max_jobs_per_incarnation = 1000});
    for (int i = 0; i < 1000; ++i) {
      const auto length = i % 3 == 0 ? FileExecutor::kLong : FileExecutor::kShort;
      ASSERT_TRUE(executor.Submit(a, length, [&order, i] { order.push_back(i); }).ok());
    }
  }
  ASSERT_EQ(order.size(), 1000u);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(order[i], i);
}

TEST(FileExecutorTest, AnIncarnationThatIsBusyOccupiesOneThreadAndNoOtherIncarnation) {
  FileExecutor executor({.short_threads = 2, .long_threads = 1, .max_queued = 100});
  const Incarnation busy = NewIncarnation();
  std::latch release(1);
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(executor.Submit(busy, FileExecutor::kShort, [&] { release.wait(); }).ok());
  }
  std::latch done(2);
  ASSERT_TRUE(
      executor.Submit(NewIncarnation(), FileExecutor::kShort, [&] { done.count_down(); }).ok());
  ASSERT_TRUE(executor.Submit([&] { done.count_down(); }).ok());
  done.wait();
  release.count_down();
}

TEST(FileExecutorTest, ShortJobsDoNotWaitForLongOnes) {
  FileExecutor executor({.short_threads = 1, .long_threads = 1, .max_queued = 100});
  std::latch release(1);
  ASSERT_TRUE(executor.Submit(NewIncarnation(), FileExecutor::kLong, [&] { release.wait(); }).ok());
  std::latch done(1);
  ASSERT_TRUE(
      executor.Submit(NewIncarnation(), FileExecutor::kShort, [&] { done.count_down(); }).ok());
  done.wait();
  release.count_down();
}

TEST(FileExecutorTest, TooManyJobsOfOneIncarnationAreRefusedAndNothingElseIs) {
  std::latch release(1);
  std::atomic<int> ran = 0;
  {
    FileExecutor executor(
        {.short_threads = 2, .long_threads = 1, .max_queued = 100, .max_jobs_per_incarnation = 3});
    const Incarnation a = NewIncarnation();
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(executor
                      .Submit(a, FileExecutor::kShort,
                              [&] {
                                release.wait();
                                ++ran;
                              })
                      .ok());
    }
    absl::Status refused = executor.Submit(a, FileExecutor::kShort, [&] { ++ran; });
    EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable) << refused;
    EXPECT_TRUE(executor.Submit(NewIncarnation(), FileExecutor::kShort, [&] { ++ran; }).ok());
    release.count_down();
  }
  EXPECT_EQ(ran, 4);
}

TEST(FileExecutorTest, AFullQueueRefusesNewWorkButRunsWhatWasAccepted) {
  std::latch running(1);
  std::latch release(1);
  std::atomic<int> ran = 0;
  {
    FileExecutor executor({.short_threads = 1, .long_threads = 1, .max_queued = 1});
    const Incarnation a = NewIncarnation();
    ASSERT_TRUE(executor
                    .Submit(a, FileExecutor::kShort,
                            [&] {
                              running.count_down();
                              release.wait();
                            })
                    .ok());
    running.wait();
    ASSERT_TRUE(executor.Submit(a, FileExecutor::kShort, [&] { ++ran; }).ok());
    ASSERT_TRUE(executor.Submit([&] { ++ran; }).ok());  // Now the queue is full.
    EXPECT_EQ(executor.Submit([&] { ++ran; }).code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(executor.Submit(NewIncarnation(), FileExecutor::kShort, [&] { ++ran; }).code(),
              absl::StatusCode::kUnavailable);
    release.count_down();
  }
  EXPECT_EQ(ran, 2);
}

}  // namespace
}  // namespace registry::dataplane
