#include "base/call.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>
#include <vector>

namespace registry::base {
namespace {

TEST(CancellationTest, RunsItsHandlerOnceWhicheverComesFirst) {
  for (const bool handler_first : {false, true}) {
    Cancellation cancellation;
    int runs = 0;
    EXPECT_FALSE(cancellation.requested());
    if (handler_first) cancellation.OnRequest([&] { ++runs; });
    cancellation.Request();
    EXPECT_TRUE(cancellation.requested());
    if (!handler_first) cancellation.OnRequest([&] { ++runs; });
    cancellation.Request();
    EXPECT_EQ(runs, 1);
  }
}

TEST(CancellationTest, ThreadsThatMeetRunTheHandlerOnce) {
  for (int round = 0; round < 200; ++round) {
    Cancellation cancellation;
    std::atomic<int> runs = 0;
    std::vector<std::thread> threads;
    threads.emplace_back([&] { cancellation.OnRequest([&] { ++runs; }); });
    for (int i = 0; i < 2; ++i) threads.emplace_back([&] { cancellation.Request(); });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(runs, 1);
  }
}

TEST(CallTest, WorkOfACallThatNobodyWaitsForIsSkipped) {
  WorkerPool pool(1, 10);
  for (const bool late : {false, true}) {
    CallInfo call;
    if (late) {
      call.deadline = std::chrono::system_clock::now() - std::chrono::seconds(1);
    } else {
      call.cancellation.Request();
    }
    bool ran = false;
    std::promise<absl::Status> done;
    RunCall(
        pool, &call, [&](const absl::Status& status) { done.set_value(status); },
        [&] {
          ran = true;
          return absl::OkStatus();
        });
    EXPECT_EQ(done.get_future().get().code(), absl::StatusCode::kCancelled);
    EXPECT_FALSE(ran);
  }
}

TEST(CallTest, ACallMayEndLaterThanItsWork) {
  WorkerPool pool(1, 10);
  const CallInfo call;
  std::promise<absl::Status> done;
  std::promise<Done> end;
  RunCallAsync(
      pool, &call, [&](const absl::Status& status) { done.set_value(status); },
      [&](Done given) { end.set_value(std::move(given)); });
  std::future<absl::Status> result = done.get_future();
  const Done finish = end.get_future().get();
  EXPECT_EQ(result.wait_for(std::chrono::milliseconds(10)), std::future_status::timeout);
  finish(absl::NotFoundError("gone"));
  EXPECT_EQ(result.get(), absl::NotFoundError("gone"));
}

TEST(CallTest, AFullQueueEndsTheCall) {
  WorkerPool pool(1, 0);
  const CallInfo call;
  absl::Status status;
  // Nothing may wait: the queue is full whatever the thread does.
  RunCall(
      pool, &call, [&](const absl::Status& answer) { status = answer; },
      [] { return absl::OkStatus(); });
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
}

}  // namespace
}  // namespace registry::base
