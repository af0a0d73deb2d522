#include "controlplane/storage/trash.h"

#include "base/limits.h"
#include "tests/unit/controlplane/metadata/fixture.h"

namespace registry::controlplane {
namespace {

using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class TrashTest : public MetadataTest {
 protected:
  std::string Cancelled() {
    const std::string id = Begin("a");
    EXPECT_TRUE(CancelUpload(*database_, Repo("a"), id, now_ms_).ok());
    return id;
  }
  std::vector<TrashItem> Claim(int limit = 100) {
    absl::StatusOr<std::vector<TrashItem>> items = ClaimTrash(*database_, limit, now_ms_);
    EXPECT_TRUE(items.ok()) << items.status();
    return *std::move(items);
  }
  void Forget(const std::vector<TrashItem>& done) {
    EXPECT_TRUE(ForgetTrash(*database_, done, now_ms_).ok());
  }
};

TEST_F(TrashTest, IsClaimedOnceAndDueAgainUntilForgotten) {
  const std::string first = Cancelled();
  const std::string second = Cancelled();
  const std::vector<TrashItem> claimed = Claim(1);
  const std::vector<TrashItem> claimed_by_another = Claim(10);
  ASSERT_THAT(claimed, SizeIs(1));
  ASSERT_THAT(claimed_by_another, SizeIs(1));
  EXPECT_THAT((std::vector{claimed[0].incarnation, claimed_by_another[0].incarnation}),
              UnorderedElementsAre(first, second));
  EXPECT_EQ(claimed[0].node, "node-1");
  EXPECT_EQ(claimed[0].digest, "");
  EXPECT_THAT(Claim(), IsEmpty());
  Forget(claimed);
  Forget(claimed);
  now_ms_ += ToMs(base::kTrashRetry);
  EXPECT_THAT(Claim(), SizeIs(1));
  EXPECT_EQ(Number("SELECT count(*) FROM blob_replicas WHERE state = 'deleting'"), 2);
}

TEST_F(TrashTest, BytesOfAnUnfinishedUploadAreDeletedOnceMoreBeforeTheirRowsGo) {
  Cancelled();
  Forget(Claim());
  now_ms_ += ToMs(base::kUploadDeleteAgain) - 1;
  EXPECT_THAT(Claim(), IsEmpty());
  EXPECT_EQ(Number("SELECT count(*) FROM blob_replicas"), 1);
  now_ms_ += 1;
  const std::vector<TrashItem> again = Claim();
  ASSERT_THAT(again, SizeIs(1));
  Forget(again);
  EXPECT_EQ(Number("SELECT count(*) FROM trash"), 0);
  EXPECT_EQ(Number("SELECT count(*) FROM blob_replicas"), 0);
}

TEST_F(TrashTest, ASlowWorkerDoesNotTakeTheFirstDeletionForTheSecond) {
  Cancelled();
  const std::vector<TrashItem> slow = Claim();
  now_ms_ += ToMs(base::kTrashRetry);
  const std::vector<TrashItem> fast = Claim();
  ASSERT_THAT(fast, SizeIs(1));
  Forget(fast);
  Forget(slow);
  EXPECT_EQ(Number("SELECT count(*) FROM trash"), 1);
  EXPECT_EQ(Number("SELECT count(*) FROM blob_replicas"), 1);
}

TEST_F(TrashTest, BytesOfAnUploadThatExpiredAreDeletedTwiceToo) {
  Begin("a");
  now_ms_ += ToMs(base::kUploadIdleExpiry) + 1;
  ASSERT_EQ(*ExpireUploads(*database_, 10, now_ms_), 1);
  EXPECT_EQ(Number("SELECT delete_again FROM trash"), 1);
}

TEST_F(TrashTest, FinishedBytesAreDeletedOnce) {
  PushBlob("a", "hello");
  const std::string incarnation = Texts("SELECT incarnation FROM blobs")[0];
  const absl::Status status =
      RunTransaction(*database_, TransactionMode::kWrite, [&](Transaction& t) {
        MoveToTrash(t, incarnation, DigestOf("hello").ToString(), now_ms_);
        return absl::OkStatus();
      });
  ASSERT_TRUE(status.ok()) << status;
  Forget(Claim());
  EXPECT_EQ(Number("SELECT count(*) FROM trash"), 0);
}

}  // namespace
}  // namespace registry::controlplane
