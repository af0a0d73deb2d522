#include "controlplane/sql/fair_mutex.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace registry::controlplane {
namespace {

TEST(FairMutexTest, ThreadsGetItInTheOrderInWhichTheyAsked) {
  FairMutex mutex;
  std::vector<int> order;
  std::vector<std::thread> threads;
  mutex.lock();
  for (int i = 0; i < 5; ++i) {
    threads.emplace_back([&, i] {
      std::lock_guard lock(mutex);
      order.push_back(i);
    });
    while (mutex.waiting() < static_cast<uint64_t>(i) + 1) std::this_thread::yield();
  }
  mutex.unlock();
  // This one comes last, although the others have yet to wake up.
  mutex.lock();
  order.push_back(5);
  mutex.unlock();
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(order, testing::ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_EQ(mutex.waiting(), 0u);
}

TEST(FairMutexTest, OnlyOneThreadHasIt) {
  FairMutex mutex;
  int count = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 1000; ++j) {
        std::lock_guard lock(mutex);
        ++count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, 4000);
}

}  // namespace
}  // namespace registry::controlplane
