// Access against a control plane that the tests drive.
#include "gateway/access/access.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <condition_variable>
#include <functional>
#include <future>
#include <mutex>
#include <set>
#include <thread>

#include "base/http/event_loops.h"
#include "registry/v1/access.grpc.pb.h"

namespace registry::gateway {
namespace {

namespace asio = boost::asio;
using std::chrono::seconds;
using std::chrono::steady_clock;

// Answers and watches as the test says.
class FakeControlPlane final : public v1::AccessService::CallbackService {
 public:
  grpc::ServerUnaryReactor* Authorize(grpc::CallbackServerContext* context,
                                      const v1::AuthorizeRequest* request,
                                      v1::AuthorizeResponse* response) override {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    std::lock_guard lock(mutex_);
    ++calls_;
    if (request->min_revision() > revision_) {
      ++refusals_;
      changed_.notify_all();
      reactor->Finish(grpc::Status(grpc::StatusCode::ABORTED, "not yet"));
      return reactor;
    }
    response->set_decision(decision_);
    response->set_reason(reason_);
    response->set_revision(revision_);
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  // Sends one message when the stream begins, and another one for each Beat.
  class Stream final : public grpc::ServerWriteReactor<v1::WatchPolicyResponse> {
   public:
    explicit Stream(FakeControlPlane& plane) : plane_(plane) {
      std::lock_guard lock(plane_.mutex_);
      plane_.streams_.insert(this);
      ++plane_.streams_begun_;
      plane_.changed_.notify_all();
      Send();
    }
    void Send() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      if (writing_ || ending_ || plane_.silent_) return;
      writing_ = true;
      message_.set_revision(plane_.told_revision_);
      message_.set_epoch(plane_.epoch_);
      StartWrite(&message_);
    }
    void End() {
      ending_ = true;
      if (!writing_ && !std::exchange(finished_, true)) Finish(grpc::Status::CANCELLED);
    }
    void OnWriteDone(bool ok) override {
      std::lock_guard lock(plane_.mutex_);
      writing_ = false;
      if (ending_ || !ok) End();
    }
    void OnCancel() override {
      std::lock_guard lock(plane_.mutex_);
      End();
    }
    void OnDone() override {
      {
        std::lock_guard lock(plane_.mutex_);
        plane_.streams_.erase(this);
        plane_.changed_.notify_all();
      }
      delete this;
    }

   private:
    FakeControlPlane& plane_;
    v1::WatchPolicyResponse message_;
    bool writing_ = false;
    bool ending_ = false;
    bool finished_ = false;
  };

  grpc::ServerWriteReactor<v1::WatchPolicyResponse>* WatchPolicy(
      grpc::CallbackServerContext*, const v1::WatchPolicyRequest*) override {
    return new Stream(*this);
  }

  void Beat() {
    std::lock_guard lock(mutex_);
    for (Stream* stream : streams_) stream->Send();
  }
  void Set(const std::function<void(FakeControlPlane&)>& change) {
    std::lock_guard lock(mutex_);
    change(*this);
  }
  int calls() {
    std::lock_guard lock(mutex_);
    return calls_;
  }
  // Waits until that many streams have begun.
  bool WaitForStreams(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, seconds(30), [&] { return streams_begun_ >= count; });
  }

  void WaitForRefusal() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, seconds(30), [&] { return refusals_ > 0; }));
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<Stream*> streams_;
  int streams_begun_ = 0;
  int calls_ = 0;
  int refusals_ = 0;
  bool silent_ = false;
  std::string epoch_ = "a";
  // The one of the answers, and the one of the stream.
  int64_t revision_ = 1;
  int64_t told_revision_ = 1;
  v1::Decision decision_ = v1::DECISION_ALLOWED;
  std::string reason_;
};

class AccessTest : public testing::Test {
 protected:
  void SetUp() override {
    grpc::ServerBuilder builder;
    builder.RegisterService(&plane_);
    server_ = builder.BuildAndStart();
    client_ = std::make_unique<ControlPlaneClient>(server_->InProcessChannel({}));
    access_ = std::make_unique<Access>(*client_);
    access_->Start(loops_.loop(0));
    heartbeat_ = std::thread([this] {
      while (!stopping_) {
        plane_.Beat();
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
      }
    });
  }
  void TearDown() override {
    access_->Stop();
    loops_.Stop();
    stopping_ = true;
    heartbeat_.join();
    server_->Shutdown(std::chrono::system_clock::now());
  }

  absl::StatusOr<AccessAnswer> Authorize(const std::string& repository = "") {
    const auto ask = [](Access& access,
                        std::string repository) -> http::Awaitable<absl::StatusOr<AccessAnswer>> {
      const v1::Credential anonymous;
      const auto actions = [&repository] {
        std::vector<v1::Action> actions;
        if (!repository.empty()) actions.emplace_back().set_repository(repository);
        return actions;
      };
      co_return co_await access.Authorize(anonymous, actions, "192.0.2.1");
    };
    return asio::co_spawn(loops_.loop(1).get_executor(), ask(*access_, repository),
                          asio::use_future)
        .get();
  }

  // Asks until an answer came from the cache.
  bool IsCached(const std::string& repository = "") {
    for (const auto end = steady_clock::now() + seconds(20); steady_clock::now() < end;) {
      const int before = plane_.calls();
      EXPECT_TRUE(Authorize(repository).ok());
      if (plane_.calls() == before) return true;
    }
    return false;
  }

  FakeControlPlane plane_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<ControlPlaneClient> client_;
  http::EventLoops loops_{2};
  std::unique_ptr<Access> access_;
  std::atomic<bool> stopping_ = false;
  std::thread heartbeat_;
};

TEST_F(AccessTest, ARepeatedQuestionIsAnsweredFromMemory) { EXPECT_TRUE(IsCached("team/app")); }

TEST_F(AccessTest, AReplicaThatLagsBehindIsAskedAgainUntilItHasCaughtUp) {
  ASSERT_TRUE(IsCached());
  // The stream comes from one replica, the answers from another one.
  plane_.Set([](FakeControlPlane& plane) { plane.told_revision_ = 2; });
  std::thread catches_up([this] {
    // Once a question could not be answered.
    plane_.WaitForRefusal();
    plane_.Set([](FakeControlPlane& plane) { plane.revision_ = 2; });
  });
  absl::StatusOr<AccessAnswer> answer = Authorize();
  while (answer.ok() && answer->revision == 1) answer = Authorize();
  catches_up.join();
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->revision, 2);
}

TEST_F(AccessTest, AReplicaThatDoesNotCatchUpIsUnavailable) {
  ASSERT_TRUE(IsCached());
  plane_.Set([](FakeControlPlane& plane) { plane.told_revision_ = 2; });
  absl::StatusOr<AccessAnswer> answer = Authorize();
  // Until the gateway has heard of the revision, the old answer is good.
  while (answer.ok()) answer = Authorize();
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kUnavailable) << answer.status();
}

TEST_F(AccessTest, ADatabaseRestoredFromABackupIsFollowed) {
  plane_.Set([](FakeControlPlane& plane) { plane.revision_ = plane.told_revision_ = 10; });
  ASSERT_TRUE(IsCached("team/app"));
  plane_.Set([](FakeControlPlane& plane) {
    plane.epoch_ = "b";
    plane.revision_ = plane.told_revision_ = 8;
    plane.decision_ = v1::DECISION_DENIED;
    for (FakeControlPlane::Stream* stream : plane.streams_) stream->End();
  });
  absl::StatusOr<AccessAnswer> answer = Authorize("team/app");
  for (const auto end = steady_clock::now() + seconds(20); steady_clock::now() < end;) {
    if (answer.ok() && answer->revision == 8) break;
    answer = Authorize("team/app");
  }
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->decision, AccessDecision::kDenied);
  EXPECT_TRUE(IsCached("team/app"));
}

TEST_F(AccessTest, AStreamThatFallsSilentIsOpenedAgain) {
  ASSERT_TRUE(plane_.WaitForStreams(1));
  plane_.Set([](FakeControlPlane& plane) { plane.silent_ = true; });
  ASSERT_TRUE(plane_.WaitForStreams(2));
  plane_.Set([](FakeControlPlane& plane) { plane.silent_ = false; });
  EXPECT_TRUE(IsCached());
}

// Anybody can ask for any number of names without a credential.
TEST_F(AccessTest, RefusedAnonymousQuestionsAreNotKept) {
  plane_.Set([](FakeControlPlane& plane) { plane.decision_ = v1::DECISION_CREDENTIAL_REQUIRED; });
  // But the first question of every client is, which names nothing.
  ASSERT_TRUE(IsCached());
  for (int i = 0; i < 5; ++i) {
    const int before = plane_.calls();
    ASSERT_TRUE(Authorize("team/app").ok());
    EXPECT_EQ(plane_.calls(), before + 1);
  }
}

}  // namespace
}  // namespace registry::gateway
