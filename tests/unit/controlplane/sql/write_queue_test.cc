#include "controlplane/sql/write_queue.h"

#include <atomic>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/controlplane/sql/test_database.h"

namespace registry::controlplane {
namespace {

using testing::ElementsAre;

// Threads whose transactions arrive one after the other, while the first one is held.
class Arrivals {
 public:
  explicit Arrivals(WriteQueue& queue) : queue_(queue) {}

  void Start(absl::FunctionRef<void(absl::Span<WaitingWrite* const>)> run) {
    const size_t before = threads_.size();
    threads_.emplace_back([this, run] {
      WaitingWrite write = {.mode = TransactionMode::kWrite, .body = Nothing, .status = {}};
      queue_.Run(write, run);
    });
    // The first one runs at once, the others wait.
    while (before > 0 && queue_.waiting() < before) std::this_thread::yield();
  }
  void Join() {
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  static absl::Status Nothing(Transaction&) { return absl::OkStatus(); }

  WriteQueue& queue_;
  std::vector<std::thread> threads_;
};

TEST(WriteQueueTest, WhatWaitsIsOneGroupInTheOrderOfArrival) {
  WriteQueue queue;
  std::atomic<bool> held = true;
  std::vector<size_t> groups;
  const auto run = [&](absl::Span<WaitingWrite* const> group) {
    groups.push_back(group.size());
    while (held) std::this_thread::yield();
  };
  Arrivals arrivals(queue);
  arrivals.Start(run);
  while (queue.waiting() > 0) std::this_thread::yield();
  for (int i = 0; i < 5; ++i) arrivals.Start(run);
  held = false;
  arrivals.Join();
  EXPECT_THAT(groups, ElementsAre(1, 5));
  EXPECT_EQ(queue.waiting(), 0u);
}

// The bodies of a group, which starts only when all of them have arrived.
class GroupTest : public DatabaseTest {
 protected:
  using Body = std::function<absl::Status(Transaction&)>;

  // Runs the bodies as one group, in this order. Returns their results.
  std::vector<absl::Status> RunTogether(Database& database, const std::vector<Body>& bodies) {
    std::atomic<bool> held = true;
    std::atomic<bool> begun = false;
    std::thread first([&] {
      EXPECT_TRUE(RunTransaction(database, TransactionMode::kWrite, [&](Transaction&) {
                    begun = true;
                    while (held) std::this_thread::yield();
                    return absl::OkStatus();
                  }).ok());
    });
    while (!begun) std::this_thread::yield();
    std::vector<absl::Status> results(bodies.size());
    std::vector<std::thread> threads;
    for (size_t i = 0; i < bodies.size(); ++i) {
      threads.emplace_back(
          [&, i] { results[i] = RunTransaction(database, TransactionMode::kWrite, bodies[i]); });
      // Long enough to arrive before the next one.
      std::this_thread::sleep_for(std::chrono::milliseconds(30));
    }
    held = false;
    first.join();
    for (std::thread& thread : threads) thread.join();
    return results;
  }

  static Body Insert(const std::string& id) {
    return [id](Transaction& t) {
      t.Execute(kInsert, {id, 1});
      return absl::OkStatus();
    };
  }
};

TEST_F(GroupTest, ABodyThatFailsFailsAlone) {
  const auto database = Open();
  const Body refuse = [](Transaction& t) {
    t.Execute(kInsert, {"refused", 1});
    return absl::NotFoundError("no");
  };
  const std::vector<absl::Status> results =
      RunTogether(*database, {Insert("a"), refuse, Insert("b"), Insert("a"), Insert("c")});
  EXPECT_TRUE(results[0].ok()) << results[0];
  EXPECT_EQ(results[1], absl::NotFoundError("no"));
  EXPECT_TRUE(results[2].ok()) << results[2];
  EXPECT_EQ(results[3].code(), absl::StatusCode::kInternal) << results[3];
  EXPECT_TRUE(results[4].ok()) << results[4];
  EXPECT_EQ(*Count(*database), 3);
}

TEST_F(GroupTest, ABodySeesWhatTheOnesBeforeItWrote) {
  const auto database = Open();
  bool seen = false;
  const Body look = [&](Transaction& t) {
    seen = t.Exists("SELECT 1 FROM nodes WHERE id = ?1", {"a"});
    return absl::OkStatus();
  };
  RunTogether(*database, {Insert("a"), look});
  EXPECT_TRUE(seen || TestsRunOnPostgres());
}

TEST_F(GroupTest, ManyThreadsLoseNothing) {
  const auto database = Open();
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      for (int j = 0; j < 50; ++j) {
        const absl::Status status = RunTransaction(*database, TransactionMode::kWrite,
                                                   Insert(absl::StrCat("node ", i, " ", j)));
        EXPECT_TRUE(status.ok()) << status;
        const bool stored = RunTransaction(*database, TransactionMode::kRead,
                                           [&](Transaction& t) -> absl::StatusOr<bool> {
                                             return t.Exists("SELECT 1 FROM nodes WHERE id = ?1",
                                                             {absl::StrCat("node ", i, " ", j)});
                                           })
                                .value();
        EXPECT_TRUE(stored);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(*Count(*database), 400);
}

}  // namespace
}  // namespace registry::controlplane
