#include "controlplane/metadata/uploads.h"

#include <thread>

#include "base/limits.h"
#include "tests/unit/controlplane/metadata/fixture.h"

namespace registry::controlplane {
namespace {

using oci::ErrorCode;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class UploadsTest : public MetadataTest {
 protected:
  absl::Status Commit(const UploadCommit& commit) {
    return CommitUpload(*database_, commit, now_ms_);
  }
  absl::StatusOr<Upload> Get(absl::string_view repository, const std::string& id) {
    return GetUpload(*database_, Repo(repository), id);
  }
  std::vector<std::string> Trash() {
    return Texts("SELECT incarnation FROM trash ORDER BY incarnation");
  }
  absl::StatusOr<Blob> Read(absl::string_view repository, absl::string_view content) {
    return GetBlob(*database_, Repo(repository), DigestOf(content));
  }
};

TEST_F(UploadsTest, BeginningRecordsTheNodesBeforeAnyByteExists) {
  const auto upload = BeginUpload(*database_, Repo("a/b"), oci::DigestAlgorithm::kSha512, "alice",
                                  {"node-2", "node-1"}, now_ms_);
  ASSERT_TRUE(upload.ok()) << upload.status();
  EXPECT_TRUE(base::IsUuid(upload->id));
  EXPECT_EQ(Number("SELECT count(*) FROM blob_replicas WHERE state = 'writing'"), 2);
  const auto found = Get("a/b", upload->id);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_THAT(found->nodes, ElementsAre("node-2", "node-1"));
  EXPECT_EQ(found->digest_algorithm, oci::DigestAlgorithm::kSha512);
  EXPECT_FALSE(found->committed.has_value());
}

TEST_F(UploadsTest, WithoutANodeNoUploadBegins) {
  const auto upload =
      BeginUpload(*database_, Repo("a"), oci::DigestAlgorithm::kSha256, "alice", {}, now_ms_);
  EXPECT_EQ(upload.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Number("SELECT count(*) FROM repositories"), 0);
}

TEST_F(UploadsTest, ASessionIsUnknownElsewhere) {
  const std::string id = Begin("a");
  Begin("b");
  EXPECT_EQ(ErrorOf(Get("b", id)), ErrorCode::kBlobUploadUnknown);
  EXPECT_EQ(ErrorOf(Get("c", id)), ErrorCode::kBlobUploadUnknown);
  EXPECT_EQ(ErrorOf(Get("a", "no-uuid")), ErrorCode::kBlobUploadUnknown);
  EXPECT_EQ(ErrorOf(Get("a", std::string("\0\xff", 2))), ErrorCode::kBlobUploadUnknown);
  EXPECT_EQ(ErrorOf(Commit(CommitOf("b", id, "x"))), ErrorCode::kBlobUploadUnknown);
  EXPECT_EQ(ErrorOf(CancelUpload(*database_, Repo("b"), id, now_ms_)),
            ErrorCode::kBlobUploadUnknown);
  EXPECT_TRUE(Get("a", id).ok());
}

TEST_F(UploadsTest, CommittingMakesALinkedBlob) {
  const std::string id = Begin("a");
  const absl::Status done = Commit(CommitOf("a", id, "hello"));
  ASSERT_TRUE(done.ok()) << done;
  const auto blob = Read("a", "hello");
  ASSERT_TRUE(blob.ok()) << blob.status();
  EXPECT_EQ(blob->incarnation, id);
  EXPECT_EQ(blob->size_bytes, 5);
  EXPECT_THAT(blob->nodes, ElementsAre("node-1"));
  EXPECT_EQ(ErrorOf(Read("b", "hello")), ErrorCode::kBlobUnknown);
  const auto upload = Get("a", id);
  ASSERT_TRUE(upload.ok() && upload->committed.has_value());
  EXPECT_EQ(upload->committed->digest, DigestOf("hello"));
  EXPECT_EQ(upload->committed->size_bytes, 5);
}

TEST_F(UploadsTest, RepeatingACommitSucceedsOnlyWithTheSameDigest) {
  const std::string id = Begin("a");
  ASSERT_TRUE(Commit(CommitOf("a", id, "hello")).ok());
  const absl::Status again = Commit(CommitOf("a", id, "hello"));
  ASSERT_TRUE(again.ok()) << again;
  EXPECT_EQ(ErrorOf(Commit(CommitOf("a", id, "other"))), ErrorCode::kBlobUploadUnknown);
  EXPECT_EQ(ErrorOf(CancelUpload(*database_, Repo("a"), id, now_ms_)),
            ErrorCode::kBlobUploadUnknown);
  EXPECT_THAT(Trash(), IsEmpty());
  ASSERT_TRUE(DeleteBlob(*database_, Repo("a"), DigestOf("hello")).ok());
  EXPECT_EQ(ErrorOf(Commit(CommitOf("a", id, "hello"))), ErrorCode::kBlobUploadUnknown);
}

TEST_F(UploadsTest, CommitsThatNameWrongNodesOrSizesChangeNothing) {
  const std::string id = Begin("a");
  UploadCommit commit = CommitOf("a", id, "hello");
  commit.durable_nodes = {"node-1", "stranger"};
  EXPECT_EQ(Commit(commit).code(), absl::StatusCode::kInvalidArgument);
  commit.durable_nodes = {};
  EXPECT_EQ(Commit(commit).code(), absl::StatusCode::kInvalidArgument);
  commit.durable_nodes = {"node-1"};
  commit.size_bytes = -1;
  EXPECT_EQ(Commit(commit).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(Get("a", id)->committed.has_value());
  EXPECT_EQ(Number("SELECT count(*) FROM blob_replicas WHERE state = 'writing'"), 1);
}

TEST_F(UploadsTest, VerifiedBytesAlwaysReplaceThoseThatTheDigestHad) {
  for (const char* state : {"live", "suspect", "condemned"}) {
    const std::string content = absl::StrCat("bytes that are ", state);
    const std::string digest = PushBlob("a", content).ToString();
    const std::string first = Read("a", content)->incarnation;
    Run(absl::StrCat("UPDATE blobs SET state = '", state, "' WHERE incarnation = '", first, "'"));
    now_ms_ += 1;
    const std::string second = Begin("b");
    ASSERT_TRUE(Commit(CommitOf("b", second, content)).ok());
    for (const char* repository : {"a", "b"}) {
      EXPECT_EQ(Read(repository, content)->incarnation, second) << state;
      EXPECT_FALSE(Read(repository, content)->suspect) << state;
    }
    EXPECT_THAT(Trash(), testing::Contains(first));
    EXPECT_THAT(Trash(), testing::Not(testing::Contains(second)));
    EXPECT_EQ(Number(absl::StrCat("SELECT touched_at_ms FROM blobs WHERE digest = '", digest, "'")),
              now_ms_);
  }
}

TEST_F(UploadsTest, AReplacedCopyStaysForItsReadersAWhile) {
  PushBlob("a", "hello");
  const std::string first = Read("a", "hello")->incarnation;
  PushBlob("a", "hello");
  EXPECT_THAT(*ClaimTrash(*database_, 10, now_ms_), IsEmpty());
  now_ms_ += ToMs(base::kTrashHold);
  const auto due = ClaimTrash(*database_, 10, now_ms_);
  ASSERT_TRUE(due.ok() && due->size() == 1u);
  EXPECT_EQ(due->front().incarnation, first);
}

TEST_F(UploadsTest, ARowOfAWrongSizeIsReplaced) {
  PushBlob("a", "hello");
  Run("UPDATE blobs SET size_bytes = 4");
  const std::string second = Begin("a");
  ASSERT_TRUE(Commit(CommitOf("a", second, "hello")).ok());
  EXPECT_EQ(Read("a", "hello")->size_bytes, 5);
  EXPECT_EQ(Read("a", "hello")->incarnation, second);
}

TEST_F(UploadsTest, OfConcurrentCommitsOfOneDigestExactlyOneCopyStays) {
  constexpr int kThreads = 8;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      const std::string repository = absl::StrCat("repo-", i);
      const absl::Status status = Commit(CommitOf(repository, Begin(repository), "hello"));
      EXPECT_TRUE(status.ok()) << status;
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::string live = Read("repo-0", "hello")->incarnation;
  for (int i = 0; i < kThreads; ++i) {
    EXPECT_EQ(Read(absl::StrCat("repo-", i), "hello")->incarnation, live);
  }
  EXPECT_EQ(Trash().size(), kThreads - 1u);
  EXPECT_THAT(Trash(), testing::Not(testing::Contains(live)));
}

TEST_F(UploadsTest, CancellingEndsTheSessionAndItsBytes) {
  const std::string id = Begin("a");
  ASSERT_TRUE(CancelUpload(*database_, Repo("a"), id, now_ms_).ok());
  EXPECT_THAT(Trash(), ElementsAre(id));
  EXPECT_EQ(ErrorOf(Get("a", id)), ErrorCode::kBlobUploadUnknown);
  EXPECT_EQ(ErrorOf(Commit(CommitOf("a", id, "x"))), ErrorCode::kBlobUploadUnknown);
  EXPECT_EQ(ErrorOf(CancelUpload(*database_, Repo("a"), id, now_ms_)),
            ErrorCode::kBlobUploadUnknown);
}

TEST_F(UploadsTest, IdleSessionsExpireAndTouchedOnesStay) {
  const std::string idle = Begin("a");
  const std::string touched = Begin("a");
  now_ms_ += ToMs(base::kUploadIdleExpiry) - kMinuteMs;
  Run(absl::StrCat("UPDATE uploads SET touched_at_ms = ", now_ms_, " WHERE id = '", touched, "'"));
  ASSERT_TRUE(Get("a", idle).ok());
  EXPECT_EQ(*ExpireUploads(*database_, 100, now_ms_), 0);
  now_ms_ += 2 * kMinuteMs;
  EXPECT_EQ(*ExpireUploads(*database_, 100, now_ms_), 1);
  EXPECT_EQ(ErrorOf(Get("a", idle)), ErrorCode::kBlobUploadUnknown);
  EXPECT_TRUE(Get("a", touched).ok());
  EXPECT_THAT(Trash(), ElementsAre(idle));
}

TEST_F(UploadsTest, FinishedSessionsAreForgottenAfterAnHourAndTheBlobStays) {
  const std::string id = Begin("a");
  ASSERT_TRUE(Commit(CommitOf("a", id, "hello")).ok());
  now_ms_ += kHourMs - kMinuteMs;
  EXPECT_EQ(*ExpireUploads(*database_, 100, now_ms_), 0);
  EXPECT_TRUE(Get("a", id).ok());
  now_ms_ += 2 * kMinuteMs;
  EXPECT_EQ(*ExpireUploads(*database_, 100, now_ms_), 1);
  EXPECT_EQ(ErrorOf(Get("a", id)), ErrorCode::kBlobUploadUnknown);
  EXPECT_TRUE(Read("a", "hello").ok());
  EXPECT_THAT(Trash(), IsEmpty());
}

TEST_F(UploadsTest, ExpiryWorksInBatches) {
  for (int i = 0; i < 5; ++i) Begin("a");
  now_ms_ += ToMs(base::kUploadIdleExpiry) + 1;
  EXPECT_EQ(*ExpireUploads(*database_, 2, now_ms_), 2);
  EXPECT_EQ(*ExpireUploads(*database_, 2, now_ms_), 2);
  EXPECT_EQ(*ExpireUploads(*database_, 2, now_ms_), 1);
  EXPECT_EQ(*ExpireUploads(*database_, 2, now_ms_), 0);
}

}  // namespace
}  // namespace registry::controlplane
