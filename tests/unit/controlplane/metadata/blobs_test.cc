#include "controlplane/metadata/blobs.h"

#include "tests/unit/controlplane/metadata/fixture.h"

namespace registry::controlplane {
namespace {

using oci::ErrorCode;

class BlobsTest : public MetadataTest {
 protected:
  absl::StatusOr<Blob> Get(absl::string_view repository, const oci::Digest& digest) {
    return GetBlob(*database_, Repo(repository), digest);
  }
  std::string State() { return Texts("SELECT state FROM blobs")[0]; }
  absl::StatusOr<bool> Mount(absl::string_view target, absl::string_view source,
                             const oci::Digest& digest) {
    return MountBlob(*database_, Repo(target), Repo(source), digest, now_ms_);
  }
};

TEST_F(BlobsTest, ABlobIsFoundOnlyWhereItIsLinked) {
  const oci::Digest digest = PushBlob("a", "hello");
  PushBlob("b", "something else");
  EXPECT_TRUE(Get("a", digest).ok());
  EXPECT_EQ(ErrorOf(Get("b", digest)), ErrorCode::kBlobUnknown);
  EXPECT_EQ(ErrorOf(Get("unknown", digest)), ErrorCode::kBlobUnknown);
  EXPECT_EQ(ErrorOf(Get("a", DigestOf("hello", oci::DigestAlgorithm::kSha512))),
            ErrorCode::kBlobUnknown);
}

TEST_F(BlobsTest, DeletingUnlinksOnlyHereAndOnlyOnce) {
  const oci::Digest digest = PushBlob("a", "hello");
  ASSERT_TRUE(*Mount("b", "a", digest));
  EXPECT_TRUE(DeleteBlob(*database_, Repo("a"), digest).ok());
  EXPECT_EQ(ErrorOf(Get("a", digest)), ErrorCode::kBlobUnknown);
  EXPECT_EQ(ErrorOf(DeleteBlob(*database_, Repo("a"), digest)), ErrorCode::kBlobUnknown);
  EXPECT_EQ(ErrorOf(DeleteBlob(*database_, Repo("unknown"), digest)), ErrorCode::kBlobUnknown);
  EXPECT_TRUE(Get("b", digest).ok());
}

TEST_F(BlobsTest, DeletingWorksWhileAManifestReferencesTheBlob) {
  PushImage("a", "latest", "config");
  EXPECT_TRUE(DeleteBlob(*database_, Repo("a"), DigestOf("config")).ok());
  EXPECT_EQ(ErrorOf(Get("a", DigestOf("config"))), ErrorCode::kBlobUnknown);
}

TEST_F(BlobsTest, MountingLinksWhatTheSourceHas) {
  const oci::Digest digest = PushBlob("a", "hello");
  EXPECT_FALSE(*Mount("b", "unknown", digest));
  EXPECT_FALSE(*Mount("b", "a", DigestOf("nothing")));
  EXPECT_EQ(Number("SELECT count(*) FROM repositories"), 1);
  EXPECT_TRUE(*Mount("b", "a", digest));
  EXPECT_TRUE(*Mount("b", "a", digest));
  EXPECT_TRUE(*Mount("a", "a", digest));
  EXPECT_EQ(Get("b", digest)->incarnation, Get("a", digest)->incarnation);
}

TEST_F(BlobsTest, OnlyLiveBlobsAreMounted) {
  const oci::Digest digest = PushBlob("a", "hello");
  for (const char* state : {"suspect", "condemned"}) {
    Run(absl::StrCat("UPDATE blobs SET state = '", state, "'"));
    EXPECT_FALSE(*Mount("b", "a", digest)) << state;
  }
}

TEST_F(BlobsTest, ASuspectBlobIsFoundAndSaysSo) {
  const oci::Digest digest = PushBlob("a", "hello");
  EXPECT_FALSE(Get("a", digest)->suspect);
  Run("UPDATE blobs SET state = 'suspect'");
  EXPECT_TRUE(Get("a", digest)->suspect);
}

TEST_F(BlobsTest, ACondemnedBlobIsUnknown) {
  const oci::Digest digest = PushBlob("a", "hello");
  Run("UPDATE blobs SET state = 'condemned'");
  EXPECT_EQ(ErrorOf(Get("a", digest)), ErrorCode::kBlobUnknown);
}

TEST_F(BlobsTest, OnlyDurableCopiesAreNamed) {
  const oci::Digest digest = PushBlob("a", "hello");
  EXPECT_THAT(Get("a", digest)->nodes, testing::ElementsAre("node-1"));
  Run("UPDATE blob_replicas SET state = 'writing'");
  EXPECT_THAT(Get("a", digest)->nodes, testing::IsEmpty());
}

TEST_F(BlobsTest, OnlyTheIncarnationThatWasLookedAtBecomesSuspectOrLive) {
  const oci::Digest digest = PushBlob("a", "hello");
  const std::string first = Get("a", digest)->incarnation;
  PushBlob("a", "hello");
  const std::string second = Get("a", digest)->incarnation;
  ASSERT_NE(first, second);
  EXPECT_FALSE(*MarkSuspect(*database_, digest, first));
  EXPECT_EQ(State(), "live");
  EXPECT_TRUE(*MarkSuspect(*database_, digest, second));
  EXPECT_FALSE(*MarkSuspect(*database_, digest, second));
  EXPECT_EQ(State(), "suspect");
  EXPECT_FALSE(*MarkLive(*database_, digest, first));
  EXPECT_EQ(State(), "suspect");
  EXPECT_TRUE(*MarkLive(*database_, digest, second));
  EXPECT_EQ(State(), "live");
}

TEST_F(BlobsTest, WhatIsBeingCollectedNeverBecomesLiveOrSuspect) {
  const oci::Digest digest = PushBlob("a", "hello");
  const std::string incarnation = Get("a", digest)->incarnation;
  Run("UPDATE blobs SET state = 'condemned'");
  EXPECT_FALSE(*MarkLive(*database_, digest, incarnation));
  EXPECT_FALSE(*MarkSuspect(*database_, digest, incarnation));
  EXPECT_EQ(State(), "condemned");
}

TEST_F(BlobsTest, MountingRecordsUseOnlyWhenTheLastRecordIsOld) {
  const oci::Digest digest = PushBlob("a", "hello");
  const int64_t pushed_ms = now_ms_;
  now_ms_ += kHourMs;
  ASSERT_TRUE(*Mount("b", "a", digest));
  EXPECT_EQ(Number("SELECT touched_at_ms FROM blobs"), pushed_ms);
  EXPECT_EQ(Get("a", digest)->touched_at_ms, pushed_ms);
  now_ms_ += 1;
  ASSERT_TRUE(*Mount("c", "a", digest));
  EXPECT_EQ(Number("SELECT touched_at_ms FROM blobs"), now_ms_);
}

}  // namespace
}  // namespace registry::controlplane
