#include "controlplane/metadata/touches.h"

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "tests/unit/controlplane/metadata/fixture.h"

namespace registry::controlplane {
namespace {

using oci::ErrorCode;

// Occupies the database's writer until it is destroyed.
class HeldWriter {
 public:
  explicit HeldWriter(Database& database)
      : thread_([&database, this] {
          const absl::Status status =
              RunTransaction(database, TransactionMode::kWrite, [this](Transaction& t) {
                // PostgreSQL has several writers.
                if (TestsRunOnPostgres()) t.Execute("LOCK TABLE blobs, uploads IN EXCLUSIVE MODE");
                held_.set_value();
                released_.get_future().wait();
                return absl::OkStatus();
              });
          EXPECT_TRUE(status.ok()) << status;
        }) {
    held_.get_future().wait();
  }
  ~HeldWriter() {
    released_.set_value();
    thread_.join();
  }

 private:
  std::promise<void> held_;
  std::promise<void> released_;
  std::thread thread_;
};

class TouchesTest : public MetadataTest {
 protected:
  TouchesTest() {
    options_ = {.database = database_.get(),
                .writers = &writers_,
                .flush_interval = std::chrono::milliseconds(1),
                .now_ms = [this] { return now_ms_; }};
  }

  void Start() { touches_ = std::make_unique<Touches>(options_); }

  // The row was touched `age_ms` ago. The future gets the answer.
  std::future<absl::Status> Record(const Touch& touch, int64_t age_ms,
                                   Lateness lateness = Lateness::kByAge) {
    auto answer = std::make_shared<std::promise<absl::Status>>();
    touches_->Record(touch, now_ms_ - age_ms, lateness,
                     [answer](const absl::Status& status) { answer->set_value(status); });
    return answer->get_future();
  }

  static bool Answered(std::future<absl::Status>& answer) {
    return answer.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }

  int64_t TouchedAt() { return Number("SELECT touched_at_ms FROM blobs"); }

  void WaitUntilTouched() {
    while (TouchedAt() != now_ms_) std::this_thread::yield();
  }

  base::WorkerPool writers_{1, 100};
  TouchesOptions options_;
  std::unique_ptr<Touches> touches_;
};

TEST_F(TouchesTest, ARowThatWasTouchedRecentlyIsLeftAlone) {
  const Touch touch = Touch::Blob(PushBlob("a", "hello"));
  const int64_t pushed_ms = now_ms_;
  Start();
  now_ms_ += ToMs(base::kTouchInterval);
  EXPECT_TRUE(Record(touch, now_ms_ - pushed_ms).get().ok());
  ASSERT_TRUE(touches_->Flush().ok());
  EXPECT_EQ(TouchedAt(), pushed_ms);
  now_ms_ += 1;
  EXPECT_TRUE(Record(touch, now_ms_ - pushed_ms).get().ok());
  WaitUntilTouched();
}

TEST_F(TouchesTest, WithMostOfItsGraceLeftTheAnswerDoesNotWaitForTheWriter) {
  const Touch blob = Touch::Blob(PushBlob("a", "hello"));
  const Touch upload = Touch::Upload(Begin("a"));
  now_ms_ += 2 * kHourMs;
  Start();
  {
    const HeldWriter writer(*database_);
    for (const Touch& touch : {blob, upload}) {
      std::future<absl::Status> answer = Record(touch, 2 * kHourMs);
      ASSERT_TRUE(Answered(answer));
      EXPECT_TRUE(answer.get().ok());
    }
  }
  WaitUntilTouched();
  ASSERT_TRUE(touches_->Flush().ok());
  EXPECT_EQ(Number("SELECT max(touched_at_ms) FROM uploads"), now_ms_);
}

TEST_F(TouchesTest, WithLessOfItsGraceLeftTheAnswerWaitsForTheTouch) {
  const Touch touch = Touch::Blob(PushBlob("a", "hello"));
  now_ms_ += ToMs(base::kCollectionGrace) / 2;
  options_.answer_timeout = std::chrono::hours(1);
  Start();
  std::future<absl::Status> answer;
  {
    const HeldWriter writer(*database_);
    answer = Record(touch, ToMs(base::kCollectionGrace) / 2);
    EXPECT_FALSE(Answered(answer));
  }
  EXPECT_TRUE(answer.get().ok());
  EXPECT_EQ(TouchedAt(), now_ms_);
}

TEST_F(TouchesTest, AnAnswerThatWaitsTooLongIsUnavailableAndTheTouchIsStillWritten) {
  const Touch touch = Touch::Blob(PushBlob("a", "hello"));
  now_ms_ += ToMs(base::kCollectionGrace);
  options_.answer_timeout = std::chrono::milliseconds(1);
  Start();
  {
    const HeldWriter writer(*database_);
    EXPECT_EQ(Record(touch, ToMs(base::kCollectionGrace)).get().code(),
              absl::StatusCode::kUnavailable);
  }
  WaitUntilTouched();
}

TEST_F(TouchesTest, WhatSomethingElseKeepsNeverWaits) {
  PushImage("a", "latest", "config");
  const Touch touch =
      Touch::Manifest(Number("SELECT repository_id FROM manifests"),
                      GetManifest(*database_, Repo("a"), Ref("latest"), ManifestUse::kGet)->digest);
  now_ms_ += 10 * ToMs(base::kCollectionGrace);
  Start();
  {
    const HeldWriter writer(*database_);
    std::future<absl::Status> answer =
        Record(touch, 10 * ToMs(base::kCollectionGrace), Lateness::kAlways);
    ASSERT_TRUE(Answered(answer));
  }
  ASSERT_TRUE(touches_->Flush().ok());
  EXPECT_EQ(Number("SELECT touched_at_ms FROM manifests"), now_ms_);
}

TEST_F(TouchesTest, WhatIsGoneMeanwhileIsUnknown) {
  Start();
  const int64_t age_ms = ToMs(base::kCollectionGrace);
  EXPECT_EQ(oci::CodeOf(Record(Touch::Blob(DigestOf("nothing")), age_ms).get()),
            ErrorCode::kBlobUnknown);
  EXPECT_EQ(oci::CodeOf(Record(Touch::Manifest(1, DigestOf("nothing")), age_ms).get()),
            ErrorCode::kManifestUnknown);
  EXPECT_EQ(oci::CodeOf(Record(Touch::Upload(base::NewUuid7()), age_ms).get()),
            ErrorCode::kBlobUploadUnknown);
}

TEST_F(TouchesTest, OneTouchIsCountedOnceAndTooManyAreRefused) {
  options_.max_waiting = 2;
  options_.flush_interval = std::chrono::hours(1);
  Start();
  const int64_t age_ms = 2 * kHourMs;
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(Record(Touch::Blob(DigestOf("one")), age_ms).get().ok());
  }
  EXPECT_TRUE(Record(Touch::Blob(DigestOf("two")), age_ms).get().ok());
  EXPECT_EQ(Record(Touch::Blob(DigestOf("three")), age_ms).get().code(),
            absl::StatusCode::kUnavailable);
  ASSERT_TRUE(touches_->Flush().ok());
  EXPECT_TRUE(Record(Touch::Blob(DigestOf("three")), age_ms).get().ok());
}

TEST_F(TouchesTest, MoreThanOneBatchIsWrittenToo) {
  constexpr int kBlobs = 2 * static_cast<int>(base::kTouchBatch) + 1;
  options_.flush_interval = std::chrono::hours(1);
  std::vector<Touch> touches;
  for (int i = 0; i < kBlobs; ++i) {
    const oci::Digest digest = DigestOf(absl::StrCat("blob ", i));
    Run(absl::StrCat("INSERT INTO blobs VALUES ('", digest.ToString(), "', '", i, "', 1, 'live', ",
                     now_ms_, ")"));
    touches.push_back(Touch::Blob(digest));
  }
  now_ms_ += 2 * kHourMs;
  Start();
  for (const Touch& touch : touches) ASSERT_TRUE(Record(touch, 2 * kHourMs).get().ok());
  ASSERT_TRUE(touches_->Flush().ok());
  EXPECT_EQ(Number("SELECT min(touched_at_ms) FROM blobs"), now_ms_);
}

TEST_F(TouchesTest, ALaterTouchIsNotTakenBack) {
  const Touch touch = Touch::Blob(PushBlob("a", "hello"));
  options_.flush_interval = std::chrono::hours(1);
  Start();
  EXPECT_TRUE(Record(touch, 2 * kHourMs).get().ok());
  Run(absl::StrCat("UPDATE blobs SET touched_at_ms = ", now_ms_ + 5));
  ASSERT_TRUE(touches_->Flush().ok());
  EXPECT_EQ(TouchedAt(), now_ms_ + 5);
}

TEST_F(TouchesTest, ADatabaseThatCannotWriteHidesNothingAndIsTriedAgain) {
  const Touch touch = Touch::Blob(PushBlob("a", "hello"));
  now_ms_ += ToMs(base::kCollectionGrace);
  options_.retry_interval = std::chrono::milliseconds(1);
  Start();
  Run("ALTER TABLE blobs RENAME TO away");
  EXPECT_TRUE(Record(touch, ToMs(base::kCollectionGrace)).get().ok());
  EXPECT_FALSE(touches_->Flush().ok());
  Run("ALTER TABLE away RENAME TO blobs");
  WaitUntilTouched();
}

TEST_F(TouchesTest, WhatCannotBeWrittenInTimeIsGivenUp) {
  const Touch touch = Touch::Blob(PushBlob("a", "hello"));
  const int64_t pushed_ms = now_ms_;
  now_ms_ += 2 * kHourMs;
  options_.flush_interval = options_.retry_interval = std::chrono::hours(1);
  Start();
  Run("ALTER TABLE blobs RENAME TO away");
  EXPECT_TRUE(Record(touch, 2 * kHourMs).get().ok());
  EXPECT_FALSE(touches_->Flush().ok());
  now_ms_ += ToMs(base::kCollectionGrace) / 8;
  EXPECT_FALSE(touches_->Flush().ok());
  Run("ALTER TABLE away RENAME TO blobs");
  EXPECT_TRUE(touches_->Flush().ok());
  EXPECT_EQ(TouchedAt(), pushed_ms);
}

TEST_F(TouchesTest, TheEndWritesWhatWaitsAndThenNothingIsRecorded) {
  const Touch touch = Touch::Blob(PushBlob("a", "hello"));
  now_ms_ += 2 * kHourMs;
  options_.flush_interval = std::chrono::hours(1);
  Start();
  EXPECT_TRUE(Record(touch, 2 * kHourMs).get().ok());
  touches_->Stop();
  EXPECT_EQ(TouchedAt(), now_ms_);
  EXPECT_EQ(Record(touch, 2 * kHourMs).get().code(), absl::StatusCode::kUnavailable);
}

TEST_F(TouchesTest, ManyAtOnceAreAllAnsweredAndWritten) {
  constexpr int kThreads = 8;
  constexpr int kRounds = 200;
  std::vector<Touch> touches;
  for (int i = 0; i < 20; ++i) touches.push_back(Touch::Blob(PushBlob("a", absl::StrCat(i))));
  now_ms_ += 2 * ToMs(base::kCollectionGrace);
  options_.answer_timeout = std::chrono::hours(1);
  Start();
  std::atomic<int> answered = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < kRounds; ++round) {
        const int64_t age_ms = ToMs(base::kCollectionGrace) * (round % 2) + 2 * kHourMs;
        EXPECT_TRUE(Record(touches[(i + round) % touches.size()], age_ms).get().ok());
        ++answered;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(answered, kThreads * kRounds);
  touches_->Stop();
  EXPECT_EQ(Number("SELECT min(touched_at_ms) FROM blobs"), now_ms_);
}

}  // namespace
}  // namespace registry::controlplane
