#include "controlplane/upkeep/upkeep.h"

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "base/hash.h"
#include "base/limits.h"
#include "tests/unit/controlplane/metadata/service_fixture.h"

namespace registry::controlplane {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class UpkeepTest : public MetadataServiceTest {
 protected:
  Upkeep upkeep_{UpkeepOptions{.database = database_.get(),
                               .nodes = nodes_.get(),
                               .now_ms = [this] { return clock_ms_.load(); }}};
};

TEST_F(UpkeepTest, IdleUploadsAreDeletedOnTheirNode) {
  const std::string idle = BeginAt("a").id();
  ASSERT_TRUE(upkeep_.RunOnce().ok());
  EXPECT_THAT(storage_.deleted_, testing::IsEmpty());
  clock_ms_ += ToMs(base::kUploadIdleExpiry) + 1;
  ASSERT_TRUE(upkeep_.RunOnce().ok());
  EXPECT_THAT(storage_.deleted_, ElementsAre(idle));
  // A late request may have written again.
  storage_.deleted_.clear();
  clock_ms_ += ToMs(base::kUploadDeleteAgain);
  ASSERT_TRUE(upkeep_.RunOnce().ok());
  EXPECT_THAT(storage_.deleted_, ElementsAre(idle));
  EXPECT_EQ(Number("SELECT count(*) FROM trash"), 0);
  EXPECT_EQ(Number("SELECT count(*) FROM blob_replicas"), 0);
}

TEST_F(UpkeepTest, AnUploadWhoseTouchIsNotWrittenYetDoesNotExpire) {
  Upkeep upkeep(UpkeepOptions{.database = database_.get(),
                              .nodes = nodes_.get(),
                              .touches = touches_.get(),
                              .now_ms = [this] { return clock_ms_.load(); }});
  const std::string id = BeginAt("a").id();
  const int64_t begun_ms = clock_ms_;
  clock_ms_ += ToMs(base::kUploadIdleExpiry) / 3;
  touches_->Record(Touch::Upload(id), begun_ms, Lateness::kByAge,
                   [](const absl::Status& status) { EXPECT_TRUE(status.ok()) << status; });
  clock_ms_ = begun_ms + ToMs(base::kUploadIdleExpiry) + 1;
  ASSERT_TRUE(upkeep.RunOnce().ok());
  EXPECT_EQ(Texts("SELECT id FROM uploads"), std::vector<std::string>{id});
}

TEST_F(UpkeepTest, TrashStaysUntilItsNodeHasDeletedIt) {
  const std::string first = PushAt("a", "hello");
  PushAt("b", "hello");
  clock_ms_ += ToMs(base::kTrashHold);
  storage_.refuse_deletes_ = true;
  ASSERT_TRUE(upkeep_.RunOnce().ok());
  EXPECT_EQ(Number("SELECT count(*) FROM trash"), 1);
  storage_.refuse_deletes_ = false;
  clock_ms_ += ToMs(base::kTrashRetry);
  ASSERT_TRUE(upkeep_.RunOnce().ok());
  EXPECT_THAT(storage_.deleted_, ElementsAre(first));
  EXPECT_EQ(Number("SELECT count(*) FROM trash"), 0);
  EXPECT_EQ(Number("SELECT count(*) FROM blob_replicas WHERE state = 'durable'"), 1);
}

TEST_F(UpkeepTest, SeveralWorkersEmptyTheTrashTogether) {
  for (int i = 0; i < 250; ++i) BeginAt("a");
  clock_ms_ += ToMs(base::kUploadIdleExpiry) + 1;
  std::thread other([&] {
    Upkeep second(UpkeepOptions{.database = database_.get(),
                                .nodes = nodes_.get(),
                                .now_ms = [this] { return clock_ms_.load(); }});
    EXPECT_TRUE(second.RunOnce().ok());
  });
  EXPECT_TRUE(upkeep_.RunOnce().ok());
  other.join();
  EXPECT_TRUE(upkeep_.RunOnce().ok());
  EXPECT_EQ(storage_.deleted_.size(), 250u);
  clock_ms_ += ToMs(base::kUploadDeleteAgain);
  EXPECT_TRUE(upkeep_.RunOnce().ok());
  EXPECT_EQ(Number("SELECT count(*) FROM trash"), 0);
}

TEST_F(UpkeepTest, ItRunsByItselfOnceStarted) {
  const std::string idle = BeginAt("a").id();
  clock_ms_ += ToMs(base::kUploadIdleExpiry) + 1;
  upkeep_.Start();
  while (Number("SELECT count(*) FROM trash WHERE delete_again = 0") == 0) {
    std::this_thread::yield();
  }
  upkeep_.Stop();
  upkeep_.Stop();
  EXPECT_THAT(storage_.deleted_, ElementsAre(idle));
}

TEST_F(UpkeepTest, ItRunsAtOnceWhenWoken) {
  Upkeep upkeep(UpkeepOptions{.database = database_.get(),
                              .nodes = nodes_.get(),
                              .interval = std::chrono::hours(24),
                              .now_ms = [this] { return clock_ms_.load(); }});
  // The last thing that the first run does is to delete this.
  const std::string nameless = base::NewUuid7();
  storage_.unfinished_[nameless] = ToMs(base::kUploadSweepAge);
  const auto wait_for_deleted = [&](size_t count) {
    std::unique_lock lock(storage_.mutex_);
    storage_.changed_.wait(lock, [&] { return storage_.deleted_.size() == count; });
  };
  upkeep.Start();
  wait_for_deleted(1);
  const std::string cancelled = BeginAt("a").id();
  ASSERT_TRUE(CancelUpload(*database_, Repo("a"), cancelled, clock_ms_).ok());
  upkeep.Wake();
  wait_for_deleted(2);
  upkeep.Stop();
  EXPECT_THAT(storage_.deleted_, UnorderedElementsAre(nameless, cancelled));
}

class UpkeepRoomTest : public UpkeepTest {
 protected:
  std::string BeginOf(const std::string& principal) {
    return BeginUpload(*database_, Repo("a"), oci::DigestAlgorithm::kSha256, principal, {kNode},
                       clock_ms_)
        ->id;
  }
};

TEST_F(UpkeepRoomTest, IdleUploadsOfWhoNeedsRoomGoFirstThenThoseOfAll) {
  const std::string of_alice = BeginOf("alice");
  const std::string of_bob = BeginOf("bob");
  clock_ms_ += ToMs(base::kUploadMakesRoom) + 1;
  const std::string busy = BeginOf("alice");
  ASSERT_TRUE(upkeep_.RunOnce().ok());
  EXPECT_THAT(storage_.deleted_, IsEmpty());
  upkeep_.MakeRoom("alice");
  ASSERT_TRUE(upkeep_.RunOnce().ok());
  EXPECT_THAT(storage_.deleted_, ElementsAre(of_alice));
  upkeep_.MakeRoom("alice");
  ASSERT_TRUE(upkeep_.RunOnce().ok());
  EXPECT_THAT(storage_.deleted_, UnorderedElementsAre(of_alice, of_bob));
  upkeep_.MakeRoom("alice");
  ASSERT_TRUE(upkeep_.RunOnce().ok());
  EXPECT_THAT(Texts("SELECT id FROM uploads"), ElementsAre(busy));
}

TEST_F(UpkeepRoomTest, HoweverManyNeedRoomThereIsABound) {
  const std::string idle = BeginOf("bob");
  clock_ms_ += ToMs(base::kUploadMakesRoom) + 1;
  for (size_t i = 0; i <= base::kMaxRoomRequests; ++i) {
    upkeep_.MakeRoom(absl::StrCat("user", i));
  }
  ASSERT_TRUE(upkeep_.RunOnce().ok());
  EXPECT_THAT(storage_.deleted_, ElementsAre(idle));
}

class UpkeepSweepTest : public UpkeepTest {
 protected:
  // An unfinished file on the node, as old as that.
  std::string AddFile(std::chrono::milliseconds age) {
    const std::string incarnation = base::NewUuid7();
    storage_.unfinished_[incarnation] = age.count();
    return incarnation;
  }
};

TEST_F(UpkeepSweepTest, OldUnfinishedFilesThatNoRowNamesAreDeletedAtTheStart) {
  std::set<std::string> nameless;
  // More than one page.
  for (int i = 0; i < 5; ++i) nameless.insert(AddFile(base::kUploadSweepAge));
  AddFile(base::kUploadSweepAge - std::chrono::milliseconds(1));
  const std::string open = BeginAt("a").id();
  storage_.unfinished_[open] = ToMs(base::kUploadSweepAge);
  const std::string cancelled = BeginAt("a").id();
  ASSERT_TRUE(CancelUpload(*database_, Repo("a"), cancelled, clock_ms_).ok());
  storage_.unfinished_[cancelled] = ToMs(base::kUploadSweepAge);
  upkeep_.Start();
  {
    std::unique_lock lock(storage_.mutex_);
    storage_.changed_.wait(lock, [&] { return storage_.deleted_.size() == 6; });
  }
  upkeep_.Stop();
  nameless.insert(cancelled);
  EXPECT_EQ(storage_.deleted_, nameless);
}

TEST_F(UpkeepSweepTest, NodesAreSearchedEachHourAndAgainSoonAfterAFailure) {
  ASSERT_TRUE(upkeep_.RunOnce().ok());
  const std::string late = AddFile(base::kUploadSweepAge);
  ASSERT_TRUE(upkeep_.RunOnce().ok());
  EXPECT_THAT(storage_.deleted_, IsEmpty());
  clock_ms_ += ToMs(base::kUploadSweepInterval);
  storage_.refuse_deletes_ = true;
  ASSERT_TRUE(upkeep_.RunOnce().ok());
  EXPECT_THAT(storage_.deleted_, IsEmpty());
  storage_.refuse_deletes_ = false;
  ASSERT_TRUE(upkeep_.RunOnce().ok());
  EXPECT_THAT(storage_.deleted_, ElementsAre(late));
}

}  // namespace
}  // namespace registry::controlplane
