// The service over an in-process channel, with a scripted storage node.
#ifndef REGISTRY_TESTS_UNIT_CONTROLPLANE_METADATA_SERVICE_FIXTURE_H_
#define REGISTRY_TESTS_UNIT_CONTROLPLANE_METADATA_SERVICE_FIXTURE_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>

#include "base/grpc_status.h"
#include "controlplane/metadata/grpc_service.h"
#include "controlplane/metadata/service.h"
#include "controlplane/storage/node_client.h"
#include "registry/v1/metadata.grpc.pb.h"
#include "registry/v1/storage.grpc.pb.h"
#include "tests/unit/controlplane/metadata/fixture.h"

namespace registry::controlplane {

inline constexpr char kAdminHash[] = "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

inline constexpr char kNode[] = "01890000-0000-7000-8000-000000000001";

class FakeStorage final : public v1::StorageService::Service {
 public:
  // Has verified whatever was uploaded.
  grpc::Status Finish(grpc::ServerContext* context, const v1::FinishRequest* request,
                      v1::FinishResponse* response) override {
    std::unique_lock lock(mutex_);
    ++finishes_;
    changed_.notify_all();
    while (hold_finishes_ && !context->IsCancelled()) {
      changed_.wait_for(lock, std::chrono::milliseconds(5));
    }
    if (context->IsCancelled()) {
      ++cancelled_finishes_;
      changed_.notify_all();
      return grpc::Status::CANCELLED;
    }
    if (!finish_error_.ok()) return base::ToGrpcStatus(finish_error_);
    const auto found = sizes_.find(request->incarnation());
    if (found == sizes_.end()) return {grpc::StatusCode::INTERNAL, "nothing was uploaded"};
    response->set_size_bytes(found->second);
    return grpc::Status::OK;
  }
  grpc::Status Stat(grpc::ServerContext*, const v1::StatRequest* request,
                    v1::StatResponse* response) override {
    std::unique_lock lock(mutex_);
    ++stats_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return !hold_stats_; });
    if (away_) return {grpc::StatusCode::UNAVAILABLE, "not mounted"};
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
    changed_.notify_all();
    return grpc::Status::OK;
  }

  // Pages of two.
  grpc::Status List(grpc::ServerContext*, const v1::ListRequest* request,
                    v1::ListResponse* response) override {
    std::lock_guard lock(mutex_);
    for (auto it = unfinished_.upper_bound(request->cursor()); it != unfinished_.end(); ++it) {
      if (response->incarnations_size() == 2) {
        response->set_next(response->incarnations(1).incarnation());
        break;
      }
      v1::StoredIncarnation& stored = *response->add_incarnations();
      stored.set_incarnation(it->first);
      stored.set_age_ms(it->second);
    }
    return grpc::Status::OK;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, int64_t> sizes_;
  // Unfinished files: how old they are, in milliseconds.
  std::map<std::string, int64_t> unfinished_;
  std::set<std::string> deleted_;
  int stats_ = 0;
  bool hold_stats_ = false;
  int finishes_ = 0;
  int cancelled_finishes_ = 0;
  bool hold_finishes_ = false;
  absl::Status finish_error_;
  // The store cannot be read.
  bool away_ = false;
  bool refuse_deletes_ = false;
};

class MetadataServiceTest : public MetadataTest {
 protected:
  MetadataServiceTest() {
    storage_server_ = grpc::ServerBuilder().RegisterService(&storage_).BuildAndStart();
    nodes_ = std::make_unique<NodeRegistry>(std::vector<StorageNodeConnection>{
        {kNode, storage_server_->InProcessChannel(grpc::ChannelArguments())}});
    StartService(nodes_.get(), base::kSqlQueue);
  }
  ~MetadataServiceTest() override {
    server_->Shutdown();
    touches_.reset();
    storage_server_->Shutdown();
  }

  void StartService(NodeRegistry* nodes, size_t max_queued,
                    size_t max_suspects = base::kMaxSuspects) {
    if (server_) server_->Shutdown();
    touches_.reset();
    pool_ = std::make_unique<base::WorkerPool>(1, max_queued);
    touches_ = std::make_unique<Touches>(
        TouchesOptions{.database = database_.get(), .writers = pool_.get(), .now_ms = [this] {
                         return clock_ms_.load();
                       }});
    service_ = std::make_unique<MetadataService>(
        MetadataServiceOptions{.database = database_.get(),
                               .nodes = nodes,
                               .readers = pool_.get(),
                               .writers = pool_.get(),
                               .touches = touches_.get(),
                               .policy = &policy_,
                               .cursor = &cursor_,
                               .max_suspects = max_suspects,
                               .upload_limits = upload_limits_,
                               .on_trash = [this] { ++trash_calls_; },
                               .on_no_room =
                                   [this](const std::string& principal) {
                                     std::lock_guard lock(no_room_mutex_);
                                     no_room_.push_back(principal);
                                   },
                               .now_ms = [this] { return clock_ms_.load(); }});
    grpc_service_ = std::make_unique<GrpcMetadataService>(*service_);
    server_ = grpc::ServerBuilder().RegisterService(grpc_service_.get()).BuildAndStart();
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

  // `touch`: HEAD.
  absl::StatusOr<v1::Blob> GetAt(const std::string& repository, const std::string& digest,
                                 bool touch = false, const std::string& unreadable = "") {
    v1::GetBlobRequest request;
    request.set_repository(repository);
    request.set_digest(digest);
    request.set_touch(touch);
    request.set_unreadable_incarnation(unreadable);
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
  UploadLimits upload_limits_;
  std::atomic<int> trash_calls_ = 0;
  std::mutex no_room_mutex_;
  std::vector<std::string> no_room_;
  FakeStorage storage_;
  std::unique_ptr<grpc::Server> storage_server_;
  std::unique_ptr<NodeRegistry> nodes_;
  std::unique_ptr<MetadataService> service_;
  std::unique_ptr<GrpcMetadataService> grpc_service_;
  const PageCursor cursor_{"a secret of thirty-two bytes or more"};
  PolicyHolder policy_{{.policy = std::make_shared<const Policy>(
                            Policy::Create(AdministratorOnly("admin", kAdminHash)).value()),
                        .revision = 1}};
  std::unique_ptr<base::WorkerPool> pool_;
  std::unique_ptr<Touches> touches_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::MetadataService::Stub> stub_;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_TESTS_UNIT_CONTROLPLANE_METADATA_SERVICE_FIXTURE_H_
