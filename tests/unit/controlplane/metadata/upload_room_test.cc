#include "controlplane/metadata/upload_room.h"

#include "base/limits.h"
#include "tests/unit/controlplane/metadata/fixture.h"

namespace registry::controlplane {
namespace {

using oci::ErrorCode;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr int64_t kIdleMs = ToMs(base::kUploadMakesRoom) + 1;

class UploadRoomTest : public MetadataTest {
 protected:
  std::string BeginOf(absl::string_view principal) {
    return BeginUpload(*database_, Repo("a"), oci::DigestAlgorithm::kSha256, principal, {"node-1"},
                       now_ms_)
        ->id;
  }
  // An upload whose length is known.
  absl::StatusOr<int64_t> Extend(const UploadLimits& limits, const std::string& id,
                                 int64_t final_size_bytes) {
    return ExtendUpload(*database_, limits,
                        {.repository = Repo("a"),
                         .upload_id = id,
                         .size_bytes = std::min<int64_t>(final_size_bytes, 1000),
                         .final_size_bytes = final_size_bytes},
                        now_ms_);
  }
  absl::StatusOr<int64_t> ExtendUnknown(const UploadLimits& limits, const std::string& id,
                                        int64_t size_bytes) {
    return ExtendUpload(
        *database_, limits,
        {.repository = Repo("a"), .upload_id = id, .size_bytes = size_bytes, .final_size_bytes = 0},
        now_ms_);
  }
  std::vector<std::string> Open() {
    return Texts("SELECT id FROM uploads WHERE state = 'open' ORDER BY id");
  }
  int64_t EndIdle(const std::optional<std::string>& principal, int limit = 100) {
    return *EndIdleUploads(*database_, principal, limit, now_ms_);
  }
};

TEST_F(UploadRoomTest, EachUserMayHoldTheLimitAndNoMore) {
  const UploadLimits limits = {.user_bytes = 10'000};
  const std::string first = BeginOf("alice");
  const std::string second = BeginOf("alice");
  EXPECT_EQ(*Extend(limits, first, 6'000), 6'000);
  const auto refused = Extend(limits, second, 4'001);
  EXPECT_EQ(ErrorOf(refused), ErrorCode::kTooManyRequests);
  EXPECT_THAT(
      std::string(refused.status().message()),
      testing::AllOf(HasSubstr("\"alice\""), HasSubstr("4001 bytes"), HasSubstr("hold 6000"),
                     HasSubstr("10000"), HasSubstr("-uploadlimituser")));
  EXPECT_EQ(*Extend(limits, second, 4'000), 4'000);
  EXPECT_EQ(*Extend(limits, BeginOf("bob"), 10'000), 10'000);
  EXPECT_EQ(*Extend(limits, BeginOf(""), 10'000), 10'000);
  EXPECT_EQ(ErrorOf(Extend(limits, BeginOf(""), 1)), ErrorCode::kTooManyRequests);
}

TEST_F(UploadRoomTest, TheLimitOfAllIsAFullDiskForEverybody) {
  const UploadLimits limits = {.total_bytes = 10'000};
  ASSERT_TRUE(Extend(limits, BeginOf("alice"), 9'000).ok());
  const auto refused = Extend(limits, BeginOf("bob"), 1'001);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(oci::ToHttpError(refused.status()).status, 507);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("-uploadlimit"));
  EXPECT_TRUE(Extend(limits, BeginOf("bob"), 1'000).ok());
}

TEST_F(UploadRoomTest, UploadsThatEndedHoldNothing) {
  const UploadLimits limits = {.user_bytes = 10'000};
  const std::string cancelled = BeginOf("alice");
  ASSERT_TRUE(Extend(limits, cancelled, 10'000).ok());
  ASSERT_TRUE(CancelUpload(*database_, Repo("a"), cancelled, now_ms_).ok());
  const std::string committed = BeginOf("alice");
  ASSERT_TRUE(Extend(limits, committed, 10'000).ok());
  Run("UPDATE uploads SET state = 'finished'");
  EXPECT_TRUE(Extend(limits, BeginOf("alice"), 10'000).ok());
}

TEST_F(UploadRoomTest, AnUploadOfUnknownLengthIsGrantedSomeMoreUpToTheLimit) {
  const UploadLimits limits = {.user_bytes = 10'000};
  const std::string id = BeginOf("alice");
  int64_t granted = 0;
  int asked = 0;
  // As a gateway does that writes single bytes.
  for (int64_t size = 1; size <= 10'000; ++size) {
    if (size <= granted) continue;
    const auto more = ExtendUnknown(limits, id, size);
    ASSERT_TRUE(more.ok()) << more.status();
    ASSERT_GE(*more, size);
    ASSERT_LE(*more, 10'000);
    granted = *more;
    ++asked;
  }
  EXPECT_LT(asked, 100);
  EXPECT_EQ(ErrorOf(ExtendUnknown(limits, id, 10'001)), ErrorCode::kTooManyRequests);
  // What was granted counts, as if it were there.
  EXPECT_EQ(ErrorOf(Extend(limits, BeginOf("alice"), 1)), ErrorCode::kTooManyRequests);
  // A large limit is granted in large steps.
  const UploadLimits large = {.user_bytes = int64_t{1} << 50};
  EXPECT_EQ(*ExtendUnknown(large, BeginOf("bob"), 1), 1 + base::kUploadGrantBytes);
}

TEST_F(UploadRoomTest, ASessionThatEndedIsNotExtended) {
  const UploadLimits limits = {.user_bytes = 10'000};
  const std::string id = BeginOf("alice");
  ASSERT_TRUE(CancelUpload(*database_, Repo("a"), id, now_ms_).ok());
  EXPECT_EQ(ErrorOf(Extend(limits, id, 1)), ErrorCode::kBlobUploadUnknown);
  EXPECT_EQ(ErrorOf(Extend(limits, "no UUID", 1)), ErrorCode::kBlobUploadUnknown);
  EXPECT_EQ(Extend(limits, BeginOf("alice"), -1).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(UploadRoomTest, IdleUploadsOfTheUserMakeRoomUnderTheLimit) {
  const UploadLimits limits = {.user_bytes = 10'000};
  const std::string abandoned = BeginOf("alice");
  const std::string of_bob = BeginOf("bob");
  ASSERT_TRUE(Extend(limits, abandoned, 9'000).ok());
  ASSERT_TRUE(Extend(limits, of_bob, 9'000).ok());
  now_ms_ += kIdleMs;
  const std::string next = BeginOf("alice");
  EXPECT_TRUE(Extend(limits, next, 9'000).ok());
  EXPECT_THAT(Open(), UnorderedElementsAre(of_bob, next));
  EXPECT_THAT(Texts("SELECT incarnation FROM trash"), ElementsAre(abandoned));
}

TEST_F(UploadRoomTest, WhatCanNeverFitEndsNobodyElse) {
  const UploadLimits limits = {.user_bytes = 10'000};
  const std::string idle = BeginOf("alice");
  now_ms_ += kIdleMs;
  EXPECT_EQ(ErrorOf(Extend(limits, BeginOf("alice"), 10'001)), ErrorCode::kTooManyRequests);
  EXPECT_THAT(Open(), testing::Contains(idle));
}

TEST_F(UploadRoomTest, UnderTheLimitOfAllOnesOwnIdleUploadsGoFirst) {
  const UploadLimits limits = {.total_bytes = 10'000};
  const std::string of_bob = BeginOf("bob");
  const std::string of_alice = BeginOf("alice");
  ASSERT_TRUE(Extend(limits, of_bob, 4'000).ok());
  ASSERT_TRUE(Extend(limits, of_alice, 4'000).ok());
  now_ms_ += kIdleMs;
  const std::string next = BeginOf("alice");
  EXPECT_TRUE(Extend(limits, next, 6'000).ok());
  EXPECT_THAT(Open(), UnorderedElementsAre(of_bob, next));
  EXPECT_TRUE(Extend(limits, next, 7'000).ok());
  EXPECT_THAT(Open(), ElementsAre(next));
}

TEST_F(UploadRoomTest, AnUploadThatIsWrittenToIsNotIdle) {
  const UploadLimits limits = {.user_bytes = 10'000};
  const std::string streaming = BeginOf("alice");
  for (int i = 0; i < 10; ++i) {
    now_ms_ += ToMs(base::kUploadStreamTouch);
    ASSERT_TRUE(Extend(limits, streaming, 9'000).ok());
  }
  EXPECT_EQ(EndIdle(std::nullopt), 0);
  EXPECT_EQ(ErrorOf(Extend(limits, BeginOf("alice"), 9'000)), ErrorCode::kTooManyRequests);
  EXPECT_THAT(Open(), testing::Contains(streaming));
}

TEST_F(UploadRoomTest, IdleUploadsEndOldestFirstInBatches) {
  const std::string first = BeginOf("alice");
  now_ms_ += 1;
  const std::string second = BeginOf("bob");
  now_ms_ += 1;
  const std::string third = BeginOf("alice");
  EXPECT_EQ(EndIdle(std::nullopt), 0);
  now_ms_ += kIdleMs;
  EXPECT_EQ(EndIdle("alice", 1), 1);
  EXPECT_THAT(Open(), UnorderedElementsAre(second, third));
  EXPECT_EQ(EndIdle("carol"), 0);
  EXPECT_EQ(EndIdle(std::nullopt, 1), 1);
  EXPECT_THAT(Open(), ElementsAre(third));
  EXPECT_EQ(EndIdle(std::nullopt), 1);
  EXPECT_THAT(Open(), IsEmpty());
}

}  // namespace
}  // namespace registry::controlplane
