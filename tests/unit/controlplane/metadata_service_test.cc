// The service over an in-process channel, with a storage node that says what a test wants.
#include "controlplane/metadata_service.h"

#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "base/grpc_status.h"
#include "controlplane/control_plane.h"
#include "controlplane/passwords.h"
#include "controlplane/upkeep.h"
#include "registry/v1/access.grpc.pb.h"
#include "tests/unit/controlplane/metadata_fixture.h"

namespace registry::controlplane {
namespace {

using oci::ErrorCode;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kNode[] = "01890000-0000-7000-8000-000000000001";

class FakeStorage final : public v1::StorageService::Service {
 public:
  grpc::Status Stat(grpc::ServerContext*, const v1::StatRequest* request,
                    v1::StatResponse* response) override {
    std::unique_lock lock(mutex_);
    ++stats_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return !hold_stats_; });
    const auto found = sizes_.find(request->incarnation());
    if (found == sizes_.end()) return {grpc::StatusCode::NOT_FOUND, "nothing"};
    response->set_size_bytes(found->second);
    response->set_finished(true);
    return grpc::Status::OK;
  }
  grpc::Status Delete(grpc::ServerContext*, const v1::DeleteRequest* request,
                      v1::DeleteResponse*) override {
    std::lock_guard lock(mutex_);
    if (refuse_deletes_) return {grpc::StatusCode::UNAVAILABLE, "read-only"};
    deleted_.insert(request->incarnation());
    return grpc::Status::OK;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, int64_t> sizes_;
  std::set<std::string> deleted_;
  int stats_ = 0;
  bool hold_stats_ = false;
  bool refuse_deletes_ = false;
};

class MetadataServiceTest : public MetadataTest {
 protected:
  MetadataServiceTest() {
    storage_server_ = grpc::ServerBuilder().RegisterService(&storage_).BuildAndStart();
    nodes_ = std::make_unique<StorageNodes>(std::vector<StorageNodeConnection>{
        {kNode, storage_server_->InProcessChannel(grpc::ChannelArguments())}});
    StartService(nodes_.get(), base::kSqlQueue);
  }
  ~MetadataServiceTest() override {
    server_->Shutdown();
    storage_server_->Shutdown();
  }

  void StartService(StorageNodes* nodes, size_t max_queued) {
    if (server_) server_->Shutdown();
    pool_ = std::make_unique<base::WorkerPool>(1, max_queued);
    service_ = std::make_unique<MetadataService>(MetadataServiceOptions{
        .database = database_.get(), .nodes = nodes, .pool = pool_.get(), .now_ms = [this] {
          return clock_ms_.load();
        }});
    server_ = grpc::ServerBuilder().RegisterService(service_.get()).BuildAndStart();
    stub_ = v1::MetadataService::NewStub(server_->InProcessChannel(grpc::ChannelArguments()));
  }

  // Calls one of the stub's methods.
  template <class Request, class Response>
  absl::Status Call(grpc::Status (v1::MetadataService::Stub::*method)(grpc::ClientContext*,
                                                                      const Request&, Response*),
                    const Request& request, Response& response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    return base::FromGrpcStatus((stub_.get()->*method)(&context, request, &response));
  }

  v1::Upload BeginAt(const std::string& repository) {
    v1::BeginUploadRequest request;
    request.set_repository(repository);
    v1::Upload upload;
    const absl::Status status = Call(&v1::MetadataService::Stub::BeginUpload, request, upload);
    EXPECT_TRUE(status.ok()) << status;
    return upload;
  }

  absl::Status CommitAt(const std::string& repository, const std::string& id,
                        const std::string& content) {
    v1::CommitUploadRequest request;
    request.set_repository(repository);
    request.set_upload_id(id);
    request.set_digest(DigestOf(content).ToString());
    request.set_size_bytes(static_cast<int64_t>(content.size()));
    request.add_durable_nodes(kNode);
    v1::CommitUploadResponse response;
    return Call(&v1::MetadataService::Stub::CommitUpload, request, response);
  }

  // Uploads a blob whose bytes are then on the node. Returns the upload's id.
  std::string PushAt(const std::string& repository, const std::string& content) {
    const v1::Upload upload = BeginAt(repository);
    {
      std::lock_guard lock(storage_.mutex_);
      storage_.sizes_[upload.id()] = static_cast<int64_t>(content.size());
    }
    const absl::Status status = CommitAt(repository, upload.id(), content);
    EXPECT_TRUE(status.ok()) << status;
    return upload.id();
  }

  absl::StatusOr<v1::Blob> GetAt(const std::string& repository, const std::string& digest) {
    v1::GetBlobRequest request;
    request.set_repository(repository);
    request.set_digest(digest);
    v1::Blob blob;
    absl::Status status = Call(&v1::MetadataService::Stub::GetBlob, request, blob);
    if (!status.ok()) return status;
    return blob;
  }

  absl::StatusOr<v1::PutManifestResponse> PutAt(const std::string& repository,
                                                const std::string& reference,
                                                const std::string& content) {
    v1::PutManifestRequest request;
    request.set_repository(repository);
    request.set_reference(reference);
    request.set_content(content);
    request.set_principal("alice");
    v1::PutManifestResponse response;
    absl::Status status = Call(&v1::MetadataService::Stub::PutManifest, request, response);
    if (!status.ok()) return status;
    return response;
  }

  std::atomic<int64_t> clock_ms_ = 1'700'000'000'000;
  FakeStorage storage_;
  std::unique_ptr<grpc::Server> storage_server_;
  std::unique_ptr<StorageNodes> nodes_;
  std::unique_ptr<MetadataService> service_;
  std::unique_ptr<base::WorkerPool> pool_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::MetadataService::Stub> stub_;
};

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

TEST_F(MetadataServiceTest, TheLargestManifestPasses) {
  PushAt("a", "config");
  std::string image = ImageJson(DigestOf("config"), {});
  // As the composition root does: gRPC's own cap is 4 MiB.
  server_->Shutdown();
  server_ = grpc::ServerBuilder()
                .RegisterService(service_.get())
                .SetMaxReceiveMessageSize(base::kMaxGrpcMessageBytes)
                .BuildAndStart();
  stub_ = v1::MetadataService::NewStub(server_->InProcessChannel(grpc::ChannelArguments()));
  image.resize(base::kMaxManifestBytes, ' ');
  EXPECT_TRUE(PutAt("a", "latest", image).ok());
  image.push_back(' ');
  EXPECT_EQ(ErrorOf(PutAt("a", "latest", image)), ErrorCode::kManifestInvalid);
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

TEST_F(MetadataServiceTest, WithoutStorageNodesNoUploadBegins) {
  StorageNodes none({});
  StartService(&none, base::kSqlQueue);
  v1::BeginUploadRequest begin;
  begin.set_repository("a");
  v1::Upload upload;
  EXPECT_EQ(Call(&v1::MetadataService::Stub::BeginUpload, begin, upload).code(),
            absl::StatusCode::kUnavailable);
  server_->Shutdown();
}

TEST_F(MetadataServiceTest, ALiveBlobOnTheNodeIsKept) {
  const std::string first = PushAt("a", "hello");
  const std::string second = PushAt("b", "hello");
  EXPECT_EQ(GetAt("b", DigestOf("hello").ToString())->incarnation(), first);
  EXPECT_THAT(Texts("SELECT incarnation FROM trash"), ElementsAre(second));
}

TEST_F(MetadataServiceTest, ALiveBlobThatTheNodeLostIsReplaced) {
  const std::string first = PushAt("a", "hello");
  storage_.sizes_.erase(first);
  const std::string second = PushAt("b", "hello");
  EXPECT_EQ(GetAt("a", DigestOf("hello").ToString())->incarnation(), second);
  storage_.sizes_[second] = 4;  // cut
  const std::string third = PushAt("c", "hello");
  EXPECT_EQ(GetAt("a", DigestOf("hello").ToString())->incarnation(), third);
  EXPECT_THAT(Texts("SELECT incarnation FROM trash ORDER BY incarnation"),
              ElementsAre(first, second));
}

TEST_F(MetadataServiceTest, ACommitThatWaitsForANodeHoldsNoThread) {
  PushAt("a", "hello");
  {
    std::lock_guard lock(storage_.mutex_);
    storage_.hold_stats_ = true;
  }
  const v1::Upload upload = BeginAt("b");
  std::future<absl::Status> commit =
      std::async(std::launch::async, [&] { return CommitAt("b", upload.id(), "hello"); });
  {
    std::unique_lock lock(storage_.mutex_);
    storage_.changed_.wait(lock, [&] { return storage_.stats_ > 0; });
  }
  // The pool has one thread.
  EXPECT_TRUE(GetAt("a", DigestOf("hello").ToString()).ok());
  {
    std::lock_guard lock(storage_.mutex_);
    storage_.hold_stats_ = false;
  }
  storage_.changed_.notify_all();
  EXPECT_TRUE(commit.get().ok());
  EXPECT_TRUE(GetAt("b", DigestOf("hello").ToString()).ok());
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
  EXPECT_EQ(Number("SELECT count(*) FROM trash"), 0);
  EXPECT_EQ(Number("SELECT count(*) FROM blob_replicas"), 0);
}

TEST_F(UpkeepTest, TrashStaysUntilItsNodeHasDeletedIt) {
  PushAt("a", "hello");
  const std::string second = PushAt("b", "hello");
  storage_.refuse_deletes_ = true;
  ASSERT_TRUE(upkeep_.RunOnce().ok());
  EXPECT_EQ(Number("SELECT count(*) FROM trash"), 1);
  storage_.refuse_deletes_ = false;
  clock_ms_ += ToMs(base::kTrashRetry);
  ASSERT_TRUE(upkeep_.RunOnce().ok());
  EXPECT_THAT(storage_.deleted_, ElementsAre(second));
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
  EXPECT_EQ(Number("SELECT count(*) FROM trash"), 0);
}

TEST_F(UpkeepTest, ItRunsByItselfOnceStarted) {
  const std::string idle = BeginAt("a").id();
  clock_ms_ += ToMs(base::kUploadIdleExpiry) + 1;
  upkeep_.Start();
  while (Number("SELECT count(*) FROM blob_replicas") > 0) std::this_thread::yield();
  upkeep_.Stop();
  upkeep_.Stop();
  EXPECT_THAT(storage_.deleted_, ElementsAre(idle));
}

class ControlPlaneTest : public MetadataServiceTest {
 protected:
  ControlPlaneTest() {
    options_.database_path = folder_ + "/plane.db";
    options_.admin_name = "admin";
    options_.admin_password_hash = MakeDecoyHash(4);
    options_.storage_nodes = {{kNode, storage_server_->InProcessChannel(grpc::ChannelArguments())}};
  }
  ControlPlaneOptions options_;
};

TEST_F(ControlPlaneTest, ServesBothServicesAndEndsItsStreams) {
  auto plane = ControlPlane::Open(options_);
  ASSERT_TRUE(plane.ok()) << plane.status();
  grpc::ServerBuilder builder;
  for (grpc::Service* service : (*plane)->services()) builder.RegisterService(service);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  const auto channel = server->InProcessChannel(grpc::ChannelArguments());

  stub_ = v1::MetadataService::NewStub(channel);
  const std::string id = PushAt("a", "hello");
  EXPECT_EQ(GetAt("a", DigestOf("hello").ToString())->incarnation(), id);

  grpc::ClientContext context;
  const auto watch = v1::AccessService::NewStub(channel)->WatchPolicy(&context, {});
  v1::WatchPolicyResponse revision;
  EXPECT_TRUE(watch->Read(&revision));
  (*plane)->Shutdown();
  while (watch->Read(&revision)) {
  }
  server->Shutdown();
}

TEST_F(ControlPlaneTest, BadOptionsAreNamed) {
  ControlPlaneOptions options = options_;
  options.storage_nodes[0].id = "node one";
  EXPECT_THAT(ControlPlane::Open(options).status().message(), HasSubstr("node one"));
  options = options_;
  options.admin_password_hash = "plain";
  EXPECT_FALSE(ControlPlane::Open(options).ok());
  options = options_;
  options.database_path = folder_ + "/missing/plane.db";
  EXPECT_THAT(ControlPlane::Open(options).status().message(), HasSubstr(options.database_path));
}

}  // namespace
}  // namespace registry::controlplane
