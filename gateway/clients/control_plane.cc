#include "gateway/clients/control_plane.h"

#include <grpcpp/grpcpp.h>

#include "base/limits.h"
#include "gateway/clients/health_check.h"
#include "gateway/clients/rpc.h"
#include "registry/v1/access.grpc.pb.h"
#include "registry/v1/metadata.grpc.pb.h"

namespace registry::gateway {
namespace {

// A unary call: METHOD of STUB with `request`.
#define REGISTRY_CALL(stub, method, response_type)                               \
  const auto start = [&](auto* context, auto* response, auto done) {             \
    stubs_->stub->async()->method(context, &request, response, std::move(done)); \
  };                                                                             \
  co_return co_await Call<response_type>(base::kRpcDeadline, start)

class PolicyReader final : public ControlPlane::PolicyWatch {
 public:
  explicit PolicyReader(v1::AccessService::Stub& stub)
      : reader_([&stub, this](auto* context, auto* reactor) {
          stub.async()->WatchPolicy(context, &request_, reactor);
        }) {}

  Awaitable<std::optional<v1::WatchPolicyResponse>> Next() override {
    co_return co_await reader_.Read();
  }

  void Cancel() override { reader_.Cancel(); }

 private:
  const v1::WatchPolicyRequest request_;
  ClientReader<v1::WatchPolicyResponse> reader_;
};

}  // namespace

struct ControlPlane::Stubs {
  std::unique_ptr<v1::AccessService::Stub> access;
  std::unique_ptr<v1::MetadataService::Stub> metadata;
  std::unique_ptr<grpc::health::v1::Health::Stub> health;
};

ControlPlane::ControlPlane(std::shared_ptr<grpc::Channel> channel)
    : stubs_(new Stubs{.access = v1::AccessService::NewStub(channel),
                       .metadata = v1::MetadataService::NewStub(channel),
                       .health = grpc::health::v1::Health::NewStub(channel)}) {}

ControlPlane::~ControlPlane() = default;

std::shared_ptr<ControlPlane::PolicyWatch> ControlPlane::WatchPolicy() {
  return std::make_shared<PolicyReader>(*stubs_->access);
}

Awaitable<absl::Status> ControlPlane::CheckHealth() {
  co_return co_await gateway::CheckHealth(*stubs_->health);
}

Awaitable<absl::StatusOr<v1::AuthorizeResponse>> ControlPlane::Authorize(
    v1::AuthorizeRequest request) {
  REGISTRY_CALL(access, Authorize, v1::AuthorizeResponse);
}

Awaitable<absl::StatusOr<v1::IssueTokenResponse>> ControlPlane::IssueToken(
    v1::IssueTokenRequest request) {
  REGISTRY_CALL(access, IssueToken, v1::IssueTokenResponse);
}

Awaitable<absl::StatusOr<v1::Upload>> ControlPlane::BeginUpload(v1::BeginUploadRequest request) {
  REGISTRY_CALL(metadata, BeginUpload, v1::Upload);
}

Awaitable<absl::StatusOr<v1::Upload>> ControlPlane::GetUpload(v1::GetUploadRequest request) {
  REGISTRY_CALL(metadata, GetUpload, v1::Upload);
}

Awaitable<absl::StatusOr<v1::ExtendUploadResponse>> ControlPlane::ExtendUpload(
    v1::ExtendUploadRequest request) {
  REGISTRY_CALL(metadata, ExtendUpload, v1::ExtendUploadResponse);
}

Awaitable<absl::StatusOr<v1::CommitUploadResponse>> ControlPlane::CommitUpload(
    v1::CommitUploadRequest request) {
  const auto start = [&](auto* context, auto* response, auto done) {
    stubs_->metadata->async()->CommitUpload(context, &request, response, std::move(done));
  };
  // Longer, because the storage node verifies the bytes meanwhile.
  co_return co_await Call<v1::CommitUploadResponse>(base::kFinishDeadline + base::kRpcDeadline,
                                                    start);
}

Awaitable<absl::StatusOr<v1::CancelUploadResponse>> ControlPlane::CancelUpload(
    v1::CancelUploadRequest request) {
  REGISTRY_CALL(metadata, CancelUpload, v1::CancelUploadResponse);
}

Awaitable<absl::StatusOr<v1::MountBlobResponse>> ControlPlane::MountBlob(
    v1::MountBlobRequest request) {
  REGISTRY_CALL(metadata, MountBlob, v1::MountBlobResponse);
}

Awaitable<absl::StatusOr<v1::FindMountSourcesResponse>> ControlPlane::FindMountSources(
    v1::FindMountSourcesRequest request) {
  REGISTRY_CALL(metadata, FindMountSources, v1::FindMountSourcesResponse);
}

Awaitable<absl::StatusOr<v1::Blob>> ControlPlane::GetBlob(v1::GetBlobRequest request) {
  REGISTRY_CALL(metadata, GetBlob, v1::Blob);
}

Awaitable<absl::StatusOr<v1::DeleteBlobResponse>> ControlPlane::DeleteBlob(
    v1::DeleteBlobRequest request) {
  REGISTRY_CALL(metadata, DeleteBlob, v1::DeleteBlobResponse);
}

Awaitable<absl::StatusOr<v1::PutManifestResponse>> ControlPlane::PutManifest(
    v1::PutManifestRequest request) {
  REGISTRY_CALL(metadata, PutManifest, v1::PutManifestResponse);
}

Awaitable<absl::StatusOr<v1::Manifest>> ControlPlane::GetManifest(v1::GetManifestRequest request) {
  REGISTRY_CALL(metadata, GetManifest, v1::Manifest);
}

Awaitable<absl::StatusOr<v1::DeleteManifestResponse>> ControlPlane::DeleteManifest(
    v1::DeleteManifestRequest request) {
  REGISTRY_CALL(metadata, DeleteManifest, v1::DeleteManifestResponse);
}

Awaitable<absl::StatusOr<v1::ListTagsResponse>> ControlPlane::ListTags(
    v1::ListTagsRequest request) {
  REGISTRY_CALL(metadata, ListTags, v1::ListTagsResponse);
}

Awaitable<absl::StatusOr<v1::ListRepositoriesResponse>> ControlPlane::ListRepositories(
    v1::ListRepositoriesRequest request) {
  REGISTRY_CALL(metadata, ListRepositories, v1::ListRepositoriesResponse);
}

Awaitable<absl::StatusOr<v1::ListReferrersResponse>> ControlPlane::ListReferrers(
    v1::ListReferrersRequest request) {
  REGISTRY_CALL(metadata, ListReferrers, v1::ListReferrersResponse);
}

#undef REGISTRY_CALL

}  // namespace registry::gateway
