// The calls that ask a storage node: CommitUpload, GetBlob and MountBlob.
#include <future>
#include <thread>

#include "controlplane/metadata/service.h"
#include "tests/unit/controlplane/metadata/service_fixture.h"

namespace registry::controlplane {
namespace {

using oci::ErrorCode;
using testing::ElementsAre;
using testing::HasSubstr;

class BlobCallsTest : public MetadataServiceTest {
 protected:
  absl::StatusOr<v1::Blob> Head(const std::string& repository, const std::string& content) {
    return GetAt(repository, DigestOf(content).ToString(), /*touch=*/true);
  }
  absl::StatusOr<v1::Blob> Get(const std::string& repository, const std::string& content,
                               const std::string& unreadable = "") {
    return GetAt(repository, DigestOf(content).ToString(), /*touch=*/false, unreadable);
  }
  bool Mount(const std::string& target, const std::string& source, const std::string& content) {
    v1::MountBlobRequest request;
    request.set_repository(target);
    request.set_from_repository(source);
    request.set_digest(DigestOf(content).ToString());
    v1::MountBlobResponse response;
    const absl::Status status = Call(&v1::MetadataService::Stub::MountBlob, request, response);
    EXPECT_TRUE(status.ok()) << status;
    return response.mounted();
  }
  void SetSize(const std::string& incarnation, std::optional<int64_t> size_bytes) {
    std::lock_guard lock(storage_.mutex_);
    storage_.sizes_.erase(incarnation);
    if (size_bytes.has_value()) storage_.sizes_[incarnation] = *size_bytes;
  }
  void SetAway(bool away) {
    std::lock_guard lock(storage_.mutex_);
    storage_.away_ = away;
  }
  void HoldFinishes(bool hold) {
    {
      std::lock_guard lock(storage_.mutex_);
      storage_.hold_finishes_ = hold;
    }
    storage_.changed_.notify_all();
  }
  void WaitForFinishes(int count) {
    std::unique_lock lock(storage_.mutex_);
    storage_.changed_.wait(lock, [&] { return storage_.finishes_ >= count; });
  }
  std::vector<std::string> States() { return Texts("SELECT state FROM blobs ORDER BY digest"); }
};

TEST_F(BlobCallsTest, TheNodesWordIsTheSize) {
  const v1::Upload upload = BeginAt("a");
  SetSize(upload.id(), 1234);
  ASSERT_TRUE(CommitAt("a", upload.id(), "hello").ok());
  EXPECT_EQ(Get("a", "hello")->size_bytes(), 1234);
  EXPECT_EQ(Number("SELECT count(*) FROM blob_replicas WHERE state = 'durable'"), 1);
}

TEST_F(BlobCallsTest, TheNodesRefusalReachesTheCallerAndKeepsTheSession) {
  const v1::Upload upload = BeginAt("a");
  storage_.finish_error_ = oci::MakeError(ErrorCode::kDigestInvalid, "another digest");
  EXPECT_EQ(ErrorOf(CommitAt("a", upload.id(), "hello")), ErrorCode::kDigestInvalid);
  storage_.finish_error_ = absl::ResourceExhaustedError("full");
  EXPECT_EQ(CommitAt("a", upload.id(), "hello").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ErrorOf(Get("a", "hello")), ErrorCode::kBlobUnknown);
  storage_.finish_error_ = absl::OkStatus();
  SetSize(upload.id(), 5);
  EXPECT_TRUE(CommitAt("a", upload.id(), "hello").ok());
}

TEST_F(BlobCallsTest, ACommitThatWaitsForANodeHoldsNoThread) {
  PushAt("a", "hello");
  HoldFinishes(true);
  const v1::Upload upload = BeginAt("b");
  SetSize(upload.id(), 5);
  std::future<absl::Status> commit =
      std::async(std::launch::async, [&] { return CommitAt("b", upload.id(), "hello"); });
  WaitForFinishes(2);
  // The pool has one thread.
  EXPECT_TRUE(Get("a", "hello").ok());
  HoldFinishes(false);
  EXPECT_TRUE(commit.get().ok());
  EXPECT_EQ(Get("b", "hello")->incarnation(), upload.id());
}

TEST_F(BlobCallsTest, ACallerThatHangsUpEndsTheVerificationAndMayCloseAgain) {
  HoldFinishes(true);
  const v1::Upload upload = BeginAt("a");
  SetSize(upload.id(), 5);
  v1::CommitUploadRequest request;
  request.set_repository("a");
  request.set_upload_id(upload.id());
  request.set_digest(DigestOf("hello").ToString());
  grpc::ClientContext context;
  std::thread caller([&] {
    v1::CommitUploadResponse response;
    EXPECT_EQ(stub_->CommitUpload(&context, request, &response).error_code(),
              grpc::StatusCode::CANCELLED);
  });
  WaitForFinishes(1);
  context.TryCancel();
  caller.join();
  {
    std::unique_lock lock(storage_.mutex_);
    storage_.changed_.wait(lock, [&] { return storage_.cancelled_finishes_ == 1; });
  }
  HoldFinishes(false);
  EXPECT_EQ(ErrorOf(Get("a", "hello")), ErrorCode::kBlobUnknown);
  EXPECT_TRUE(CommitAt("a", upload.id(), "hello").ok());
  EXPECT_TRUE(Get("a", "hello").ok());
}

TEST_F(BlobCallsTest, OfTwoClosingsOfOneSessionBothSucceed) {
  HoldFinishes(true);
  const v1::Upload upload = BeginAt("a");
  SetSize(upload.id(), 5);
  const auto commit = [&] { return CommitAt("a", upload.id(), "hello"); };
  std::future<absl::Status> first = std::async(std::launch::async, commit);
  std::future<absl::Status> second = std::async(std::launch::async, commit);
  WaitForFinishes(2);
  HoldFinishes(false);
  EXPECT_TRUE(first.get().ok());
  EXPECT_TRUE(second.get().ok());
  EXPECT_EQ(Number("SELECT count(*) FROM trash"), 0);
}

TEST_F(BlobCallsTest, ASessionThatIsCancelledWhileItsBytesAreVerifiedIsUnknown) {
  HoldFinishes(true);
  const v1::Upload upload = BeginAt("a");
  SetSize(upload.id(), 5);
  std::future<absl::Status> commit =
      std::async(std::launch::async, [&] { return CommitAt("a", upload.id(), "hello"); });
  WaitForFinishes(1);
  ASSERT_TRUE(CancelUpload(*database_, Repo("a"), upload.id(), clock_ms_).ok());
  HoldFinishes(false);
  EXPECT_EQ(ErrorOf(commit.get()), ErrorCode::kBlobUploadUnknown);
  EXPECT_THAT(Texts("SELECT incarnation FROM trash"), ElementsAre(upload.id()));
}

TEST_F(BlobCallsTest, RepeatingACommitAsksTheNodeIfTheBytesAreStillThere) {
  const std::string id = PushAt("a", "hello");
  EXPECT_TRUE(CommitAt("a", id, "hello").ok());
  EXPECT_EQ(storage_.finishes_, 1);
  SetSize(id, std::nullopt);
  EXPECT_EQ(ErrorOf(CommitAt("a", id, "hello")), ErrorCode::kBlobUploadUnknown);
  EXPECT_THAT(States(), ElementsAre("suspect"));
}

TEST_F(BlobCallsTest, HeadAndMountOfMissingOrCutBytesMakeThemSuspectUntilThePushThatHeals) {
  for (const std::optional<int64_t> size : {std::optional<int64_t>(), std::optional<int64_t>(4)}) {
    const std::string first = PushAt("a", "hello");
    EXPECT_TRUE(Head("a", "hello").ok());
    EXPECT_TRUE(Mount("b", "a", "hello"));
    SetSize(first, size);
    EXPECT_EQ(ErrorOf(Head("a", "hello")), ErrorCode::kBlobUnknown);
    EXPECT_THAT(States(), ElementsAre("suspect"));
    EXPECT_EQ(ErrorOf(Head("b", "hello")), ErrorCode::kBlobUnknown);
    EXPECT_FALSE(Mount("c", "b", "hello"));
    EXPECT_EQ(Get("a", "hello").status().code(), absl::StatusCode::kDataLoss);
    const std::string second = PushAt("c", "hello");
    for (const char* repository : {"a", "b", "c"}) {
      EXPECT_EQ(Head(repository, "hello")->incarnation(), second);
    }
  }
}

TEST_F(BlobCallsTest, AMountAloneFindsTheDamage) {
  SetSize(PushAt("a", "hello"), 0);
  EXPECT_FALSE(Mount("b", "a", "hello"));
  EXPECT_THAT(States(), ElementsAre("suspect"));
  EXPECT_EQ(ErrorOf(Get("b", "hello")), ErrorCode::kBlobUnknown);
}

TEST_F(BlobCallsTest, ASuspectThatIsThereAgainIsLiveForAll) {
  for (const bool by_head : {true, false}) {
    const std::string id = PushAt("a", "hello");
    SetSize(id, std::nullopt);
    ASSERT_FALSE(Head("a", "hello").ok());
    SetSize(id, 5);
    EXPECT_TRUE((by_head ? Head("a", "hello") : Get("a", "hello")).ok());
    EXPECT_THAT(States(), ElementsAre("live"));
    EXPECT_TRUE(Mount("b", "a", "hello"));
  }
}

TEST_F(BlobCallsTest, AStoreThatCannotBeReadCondemnsNothing) {
  const std::string id = PushAt("a", "hello");
  SetAway(true);
  SetSize(id, std::nullopt);
  EXPECT_EQ(Head("a", "hello").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Get("a", "hello", id).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_FALSE(Mount("b", "a", "hello"));
  EXPECT_EQ(CommitAt("a", id, "hello").code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(States(), ElementsAre("live"));
  SetSize(id, 5);
  SetAway(false);
  EXPECT_TRUE(Head("a", "hello").ok());
}

TEST_F(BlobCallsTest, ANodeThatIsNotConnectedCondemnsNothing) {
  PushAt("a", "hello");
  NodeRegistry none({});
  StartService(&none, base::kSqlQueue);
  EXPECT_EQ(Head("a", "hello").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(States(), ElementsAre("live"));
  server_->Shutdown();
}

TEST_F(BlobCallsTest, AStoreThatLosesManyBlobsIsNotBelieved) {
  StartService(nodes_.get(), base::kSqlQueue, /*max_suspects=*/3);
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) {
    ids.push_back(PushAt("a", absl::StrCat("blob ", i)));
    SetSize(ids.back(), std::nullopt);
  }
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(ErrorOf(Head("a", absl::StrCat("blob ", i))), ErrorCode::kBlobUnknown);
  }
  const absl::Status refused = Head("a", "blob 3").status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("check its disk"));
  EXPECT_EQ(Number("SELECT count(*) FROM blobs WHERE state = 'suspect'"), 3);
  // Those that are suspect already are still told.
  EXPECT_EQ(ErrorOf(Head("a", "blob 0")), ErrorCode::kBlobUnknown);
  clock_ms_ += ToMs(base::kSuspectWindow);
  EXPECT_EQ(ErrorOf(Head("a", "blob 3")), ErrorCode::kBlobUnknown);
}

TEST_F(BlobCallsTest, AReaderLearnsOfTheCopyThatReplacedTheOneItCouldNotRead) {
  const std::string first = PushAt("a", "hello");
  const std::string second = PushAt("a", "hello");
  SetSize(first, std::nullopt);
  EXPECT_EQ(Get("a", "hello", first)->incarnation(), second);
  EXPECT_THAT(States(), ElementsAre("live"));
  // Found intact: the reader may try again.
  EXPECT_EQ(Get("a", "hello", second)->incarnation(), second);
  SetSize(second, 4);
  EXPECT_EQ(Get("a", "hello", second).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(States(), ElementsAre("suspect"));
}

TEST_F(BlobCallsTest, ACopyThatIsReplacedWhileTheNodeIsAskedIsNotMarked) {
  const std::string first = PushAt("a", "hello");
  SetSize(first, std::nullopt);
  {
    std::lock_guard lock(storage_.mutex_);
    storage_.hold_stats_ = true;
  }
  auto head = std::async(std::launch::async, [&] { return Head("a", "hello"); });
  {
    std::unique_lock lock(storage_.mutex_);
    storage_.changed_.wait(lock, [&] { return storage_.stats_ > 0; });
  }
  const std::string second = PushAt("a", "hello");
  {
    std::lock_guard lock(storage_.mutex_);
    storage_.hold_stats_ = false;
  }
  storage_.changed_.notify_all();
  const absl::StatusOr<v1::Blob> blob = head.get();
  ASSERT_TRUE(blob.ok()) << blob.status();
  EXPECT_EQ(blob->incarnation(), second);
  EXPECT_THAT(States(), ElementsAre("live"));
}

}  // namespace
}  // namespace registry::controlplane
