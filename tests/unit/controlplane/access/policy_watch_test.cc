#include "controlplane/access/policy_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controlplane/access/service_fixture.h"

namespace registry::controlplane {
namespace {

using ::testing::HasSubstr;

// A client's end of WatchPolicy, which reads as fast as it can.
class Watcher : public grpc::ClientReadReactor<v1::WatchPolicyResponse> {
 public:
  explicit Watcher(v1::AccessService::Stub* stub) {
    stub->async()->WatchPolicy(&context_, &request_, this);
    StartRead(&response_);
    StartCall();
  }
  ~Watcher() override { Wait(); }

  void Cancel() { context_.TryCancel(); }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    {
      std::lock_guard lock(mutex_);
      EXPECT_GE(response_.revision(), revision_);
      revision_ = response_.revision();
      ++messages_;
      changed_.notify_all();
    }
    StartRead(&response_);
  }
  void OnDone(const grpc::Status& status) override {
    std::lock_guard lock(mutex_);
    status_ = status;
    done_ = true;
    changed_.notify_all();
  }

  void WaitForRevision(int64_t revision) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return revision_ >= revision || done_; });
    EXPECT_FALSE(done_) << status_.error_message();
  }
  void WaitForMessages(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return messages_ >= count || done_; });
    EXPECT_FALSE(done_) << status_.error_message();
  }
  grpc::Status Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return done_; });
    return status_;
  }

 private:
  grpc::ClientContext context_;
  v1::WatchPolicyRequest request_;
  v1::WatchPolicyResponse response_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int64_t revision_ = 0;
  int messages_ = 0;
  bool done_ = false;
  grpc::Status status_;
};

using PolicyWatchTest = AccessServiceTest;

TEST_F(PolicyWatchTest, AWatcherHearsTheRevisionAtOnceAndEachChange) {
  AccessServiceOptions options;
  options.heartbeat = std::chrono::hours(1);
  Restart(std::move(options));
  Watcher watcher(stub_.get());
  watcher.WaitForRevision(1);
  for (int64_t revision = 2; revision < 50; ++revision) {
    Replace(MakePolicy());
    ASSERT_EQ(policy_->revision(), revision);
    watcher.WaitForRevision(revision);
  }
  watcher.Cancel();
  EXPECT_EQ(watcher.Wait().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(PolicyWatchTest, AWatcherHearsHeartbeats) {
  AccessServiceOptions options;
  options.heartbeat = std::chrono::milliseconds(1);
  Restart(std::move(options));
  Watcher watcher(stub_.get());
  watcher.WaitForMessages(20);
  watcher.Cancel();
}

TEST_F(PolicyWatchTest, AThousandWatchersHearAChangeAndAuthorizeStillAnswers) {
  std::vector<std::unique_ptr<Watcher>> watchers;
  for (int i = 0; i < 1000; ++i) watchers.push_back(std::make_unique<Watcher>(stub_.get()));
  for (const auto& watcher : watchers) watcher->WaitForRevision(1);
  EXPECT_EQ(Authorize(admin_, {Pull("a/b")}).decision(), v1::DECISION_ALLOWED);
  Replace(MakePolicy());
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(Authorize(admin_, {Pull("a/b")}).decision(), v1::DECISION_ALLOWED);
  }
  for (const auto& watcher : watchers) watcher->WaitForRevision(2);
  // Half leave, half stay open when the server stops.
  for (size_t i = 0; i < watchers.size(); i += 2) watchers[i]->Cancel();
  EXPECT_EQ(Authorize(admin_, {}).decision(), v1::DECISION_ALLOWED);
  Stop();
}

TEST_F(PolicyWatchTest, AWatcherThatDoesNotReadStopsNoOther) {
  AccessServiceOptions options;
  options.heartbeat = std::chrono::milliseconds(1);
  Restart(std::move(options));
  grpc::ClientContext context;
  const auto reader = stub_->WatchPolicy(&context, v1::WatchPolicyRequest());
  Watcher watcher(stub_.get());
  watcher.WaitForMessages(100);
  v1::WatchPolicyResponse response;
  EXPECT_TRUE(reader->Read(&response));
  context.TryCancel();
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  watcher.Cancel();
}

TEST_F(PolicyWatchTest, ClosingEndsWatchersNowAndLater) {
  Watcher early(stub_.get());
  early.WaitForRevision(1);
  access_->CloseWatches();
  EXPECT_EQ(early.Wait().error_code(), grpc::StatusCode::UNAVAILABLE);
  Watcher late(stub_.get());
  EXPECT_EQ(late.Wait().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Authorize(admin_, {}).decision(), v1::DECISION_ALLOWED);
}

TEST_F(PolicyWatchTest, TooManyWatchersAreRefused) {
  AccessServiceOptions options;
  options.max_watches = 1;
  Restart(std::move(options));
  Watcher first(stub_.get());
  first.WaitForRevision(1);
  Watcher second(stub_.get());
  const grpc::Status status = second.Wait();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("1 clients already watch"));
  first.Cancel();
}

}  // namespace
}  // namespace registry::controlplane
