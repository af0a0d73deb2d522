#include "controlplane/metadata/service.h"

#include <future>
#include <thread>

#include "tests/unit/controlplane/metadata/service_fixture.h"

namespace registry::controlplane {
namespace {

using oci::ErrorCode;
using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(MetadataServiceTest, APushAndAPullGoThroughTheStub) {
  const std::string id = PushAt("a", "config");
  const auto blob = GetAt("a", DigestOf("config").ToString());
  ASSERT_TRUE(blob.ok()) << blob.status();
  EXPECT_EQ(blob->incarnation(), id);
  EXPECT_EQ(blob->size_bytes(), 6);
  EXPECT_THAT(blob->nodes(), ElementsAre(kNode));

  const std::string image = ImageJson(DigestOf("config"), {});
  const auto pushed = PutAt("a", "latest", image);
  ASSERT_TRUE(pushed.ok()) << pushed.status();
  v1::GetManifestRequest get;
  get.set_repository("a");
  get.set_reference("latest");
  v1::Manifest manifest;
  ASSERT_TRUE(Call(&v1::MetadataService::Stub::GetManifest, get, manifest).ok());
  EXPECT_EQ(manifest.content(), image);
  EXPECT_EQ(manifest.digest(), pushed->digest());

  v1::ListTagsRequest list;
  list.set_repository("a");
  list.set_limit(10);
  list.set_principal("admin");
  v1::ListTagsResponse tags;
  ASSERT_TRUE(Call(&v1::MetadataService::Stub::ListTags, list, tags).ok());
  EXPECT_THAT(tags.tags(), ElementsAre("latest"));

  v1::MountBlobRequest mount;
  mount.set_repository("b");
  mount.set_from_repository("a");
  mount.set_digest(DigestOf("config").ToString());
  v1::MountBlobResponse mounted;
  ASSERT_TRUE(Call(&v1::MetadataService::Stub::MountBlob, mount, mounted).ok());
  EXPECT_TRUE(mounted.mounted());

  v1::DeleteManifestRequest remove;
  remove.set_repository("a");
  remove.set_reference(pushed->digest());
  v1::DeleteManifestResponse removed;
  ASSERT_TRUE(Call(&v1::MetadataService::Stub::DeleteManifest, remove, removed).ok());
  EXPECT_EQ(ErrorOf(Call(&v1::MetadataService::Stub::GetManifest, get, manifest)),
            ErrorCode::kManifestUnknown);

  v1::DeleteBlobRequest unlink;
  unlink.set_repository("a");
  unlink.set_digest(DigestOf("config").ToString());
  v1::DeleteBlobResponse unlinked;
  ASSERT_TRUE(Call(&v1::MetadataService::Stub::DeleteBlob, unlink, unlinked).ok());
  EXPECT_EQ(ErrorOf(GetAt("a", DigestOf("config").ToString())), ErrorCode::kBlobUnknown);
  EXPECT_TRUE(GetAt("b", DigestOf("config").ToString()).ok());
}

TEST_F(MetadataServiceTest, AskingBeforeAPushKeepsABlobAndReadingDoesNot) {
  PushAt("a", "config");
  const int64_t pushed_ms = clock_ms_;
  clock_ms_ += 2 * kHourMs;
  v1::GetBlobRequest request;
  request.set_repository("a");
  request.set_digest(DigestOf("config").ToString());
  v1::Blob blob;
  ASSERT_TRUE(Call(&v1::MetadataService::Stub::GetBlob, request, blob).ok());
  ASSERT_TRUE(touches_->Flush().ok());
  EXPECT_EQ(Number("SELECT touched_at_ms FROM blobs"), pushed_ms);
  request.set_touch(true);
  ASSERT_TRUE(Call(&v1::MetadataService::Stub::GetBlob, request, blob).ok());
  ASSERT_TRUE(touches_->Flush().ok());
  EXPECT_EQ(Number("SELECT touched_at_ms FROM blobs"), clock_ms_);
}

TEST_F(MetadataServiceTest, HeadKeepsAManifestAndGetDoesNot) {
  PushAt("a", "config");
  ASSERT_TRUE(PutAt("a", "latest", ImageJson(DigestOf("config"), {})).ok());
  const int64_t pushed_ms = clock_ms_;
  clock_ms_ += 2 * kHourMs;
  v1::GetManifestRequest request;
  request.set_repository("a");
  request.set_reference("latest");
  v1::Manifest manifest;
  ASSERT_TRUE(Call(&v1::MetadataService::Stub::GetManifest, request, manifest).ok());
  ASSERT_TRUE(touches_->Flush().ok());
  EXPECT_EQ(Number("SELECT touched_at_ms FROM manifests"), pushed_ms);
  request.set_head(true);
  ASSERT_TRUE(Call(&v1::MetadataService::Stub::GetManifest, request, manifest).ok());
  ASSERT_TRUE(touches_->Flush().ok());
  EXPECT_EQ(Number("SELECT touched_at_ms FROM manifests"), clock_ms_);
}

TEST_F(MetadataServiceTest, UsingASessionRestartsItsExpiryWhileItIsOpen) {
  const std::string id = BeginAt("a").id();
  clock_ms_ += 2 * kHourMs;
  v1::GetUploadRequest request;
  request.set_repository("a");
  request.set_upload_id(id);
  request.set_touch(true);
  v1::Upload upload;
  ASSERT_TRUE(Call(&v1::MetadataService::Stub::GetUpload, request, upload).ok());
  ASSERT_TRUE(touches_->Flush().ok());
  EXPECT_EQ(Number("SELECT touched_at_ms FROM uploads"), clock_ms_);
  {
    std::lock_guard lock(storage_.mutex_);
    storage_.sizes_[id] = 5;
  }
  ASSERT_TRUE(CommitAt("a", id, "hello").ok());
  const int64_t finished_ms = clock_ms_;
  clock_ms_ += kHourMs / 2;
  ASSERT_TRUE(Call(&v1::MetadataService::Stub::GetUpload, request, upload).ok());
  ASSERT_TRUE(touches_->Flush().ok());
  EXPECT_EQ(Number("SELECT touched_at_ms FROM uploads"), finished_ms);
}

// The gateway has asked already, but the policy may have changed since.
TEST_F(MetadataServiceTest, ListsAreRefusedIfTheCurrentPolicyRefusesThem) {
  PushAt("a", "config");
  ASSERT_TRUE(PutAt("a", "latest", ImageJson(DigestOf("config"), {})).ok());
  PolicyObjects objects = AdministratorOnly("admin", kAdminHash);
  objects.users.push_back(
      {.name = "bob", .password_hash = "", .groups = {}, .credential_version = ""});
  policy_.Replace(
      {.policy = std::make_shared<const Policy>(Policy::Create(objects).value()), .revision = 2});
  for (const auto& [principal, error] : {std::pair("admin", std::optional<ErrorCode>()),
                                         std::pair("bob", std::optional(ErrorCode::kDenied)),
                                         std::pair("gone", std::optional(ErrorCode::kUnauthorized)),
                                         std::pair("", std::optional(ErrorCode::kUnauthorized))}) {
    v1::ListTagsRequest list;
    list.set_repository("a");
    list.set_limit(10);
    list.set_principal(principal);
    v1::ListTagsResponse tags;
    EXPECT_EQ(ErrorOf(Call(&v1::MetadataService::Stub::ListTags, list, tags)), error) << principal;
    v1::ListRepositoriesRequest catalog;
    catalog.set_limit(10);
    catalog.set_principal(principal);
    v1::ListRepositoriesResponse names;
    EXPECT_EQ(ErrorOf(Call(&v1::MetadataService::Stub::ListRepositories, catalog, names)), error)
        << principal;
  }
}

TEST_F(MetadataServiceTest, TheLargestManifestPasses) {
  PushAt("a", "config");
  std::string image = ImageJson(DigestOf("config"), {});
  // As the composition root does: gRPC's own cap is 4 MiB.
  server_->Shutdown();
  server_ = grpc::ServerBuilder()
                .RegisterService(grpc_service_.get())
                .SetMaxReceiveMessageSize(base::kMaxGrpcMessageBytes)
                .BuildAndStart();
  stub_ = v1::MetadataService::NewStub(server_->InProcessChannel(grpc::ChannelArguments()));
  image.resize(base::kMaxManifestBytes, ' ');
  EXPECT_TRUE(PutAt("a", "latest", image).ok());
  image.push_back(' ');
  EXPECT_EQ(ErrorOf(PutAt("a", "latest", image)), ErrorCode::kManifestTooLarge);
}

TEST_F(MetadataServiceTest, EveryFieldIsCheckedAgain) {
  v1::BeginUploadRequest begin;
  v1::Upload upload;
  begin.set_repository("UPPER");
  EXPECT_EQ(ErrorOf(Call(&v1::MetadataService::Stub::BeginUpload, begin, upload)),
            ErrorCode::kNameInvalid);
  begin.set_repository("a");
  begin.set_digest_algorithm("md5");
  EXPECT_EQ(ErrorOf(Call(&v1::MetadataService::Stub::BeginUpload, begin, upload)),
            ErrorCode::kDigestInvalid);
  EXPECT_EQ(ErrorOf(GetAt("a", "sha256:xyz")), ErrorCode::kDigestInvalid);
  EXPECT_EQ(ErrorOf(GetAt("", DigestOf("x").ToString())), ErrorCode::kNameInvalid);
  EXPECT_EQ(ErrorOf(PutAt("a", "-bad", "{}")), ErrorCode::kManifestInvalid);
  EXPECT_EQ(ErrorOf(CommitAt("a", "../../etc", "x")), ErrorCode::kBlobUploadUnknown);
  EXPECT_EQ(ErrorOf(CommitAt("A", BeginAt("a").id(), "x")), ErrorCode::kNameInvalid);
}

TEST_F(MetadataServiceTest, MissingBlobsAreNamedAcrossTheWire) {
  const auto pushed = PutAt("a", "latest", ImageJson(DigestOf("config"), {}));
  EXPECT_EQ(ErrorOf(pushed), ErrorCode::kManifestBlobUnknown);
  EXPECT_THAT(pushed.status().message(), HasSubstr(DigestOf("config").ToString()));
}

TEST_F(MetadataServiceTest, WithoutNodeRegistryNoUploadBegins) {
  NodeRegistry none({});
  StartService(&none, base::kSqlQueue);
  v1::BeginUploadRequest begin;
  begin.set_repository("a");
  v1::Upload upload;
  EXPECT_EQ(Call(&v1::MetadataService::Stub::BeginUpload, begin, upload).code(),
            absl::StatusCode::kUnavailable);
  server_->Shutdown();
}

TEST_F(MetadataServiceTest, ConcurrentCommitsOfOneDigestAllSucceed) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] { PushAt(absl::StrCat("repo-", i), "hello"); });
  }
  for (std::thread& thread : threads) thread.join();
  const std::string live = GetAt("repo-0", DigestOf("hello").ToString())->incarnation();
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(GetAt(absl::StrCat("repo-", i), DigestOf("hello").ToString())->incarnation(), live);
  }
  EXPECT_EQ(Number("SELECT count(*) FROM trash"), 7);
}

TEST_F(MetadataServiceTest, AFullQueueIsUnavailable) {
  StartService(nodes_.get(), 0);
  EXPECT_EQ(GetAt("a", DigestOf("x").ToString()).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(CommitAt("a", base::NewUuid7(), "x").code(), absl::StatusCode::kUnavailable);
}

TEST_F(MetadataServiceTest, UploadsAreToldCancelledAndForgotten) {
  const v1::Upload begun = BeginAt("a");
  v1::GetUploadRequest get;
  get.set_repository("a");
  get.set_upload_id(begun.id());
  v1::Upload upload;
  ASSERT_TRUE(Call(&v1::MetadataService::Stub::GetUpload, get, upload).ok());
  EXPECT_THAT(upload.nodes(), ElementsAre(kNode));
  EXPECT_EQ(upload.digest_algorithm(), "sha256");
  EXPECT_EQ(upload.committed_digest(), "");
  v1::CancelUploadRequest cancel;
  cancel.set_repository("a");
  cancel.set_upload_id(begun.id());
  v1::CancelUploadResponse cancelled;
  ASSERT_TRUE(Call(&v1::MetadataService::Stub::CancelUpload, cancel, cancelled).ok());
  EXPECT_EQ(ErrorOf(Call(&v1::MetadataService::Stub::GetUpload, get, upload)),
            ErrorCode::kBlobUploadUnknown);
}

}  // namespace
}  // namespace registry::controlplane
