#include "gateway/clients/control_plane_client.h"

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

class PolicyReader final : public ControlPlaneClient::PolicyWatch {
 public:
  explicit PolicyReader(v1::AccessService::Stub& stub)
      : reader_([&stub, this](auto* context, auto* reactor) {
          stub.async()->WatchPolicy(context, &request_, reactor);
        }) {}

  http::Awaitable<std::optional<v1::WatchPolicyResponse>> Next() override {
    co_return co_await reader_.Read();
  }

  void Cancel() override { reader_.Cancel(); }

 private:
  const v1::WatchPolicyRequest request_;
  ClientReader<v1::WatchPolicyResponse> reader_;
};

}  // namespace

struct ControlPlaneClient::Stubs {
  std::unique_ptr<v1::AccessService::Stub> access;
  std::unique_ptr<v1::MetadataService::Stub> metadata;
  std::unique_ptr<grpc::health::v1::Health::Stub> health;
};

ControlPlaneClient::ControlPlaneClient(std::shared_ptr<grpc::Channel> channel)
    : stubs_(new Stubs{.access = v1::AccessService::NewStub(channel),
                       .metadata = v1::MetadataService::NewStub(channel),
                       .health = grpc::health::v1::Health::NewStub(channel)}) {}

ControlPlaneClient::~ControlPlaneClient() = default;

std::shared_ptr<ControlPlaneClient::PolicyWatch> ControlPlaneClient::WatchPolicy() {
  return std::make_shared<PolicyReader>(*stubs_->access);
}

http::Awaitable<absl::Status> ControlPlaneClient::CheckHealth() {
  co_return co_await gateway::CheckHealth(*stubs_->health);
}

http::Awaitable<absl::StatusOr<v1::AuthorizeResponse>> ControlPlaneClient::Authorize(
    v1::AuthorizeRequest request) {
  REGISTRY_CALL(access, Authorize, v1::AuthorizeResponse);
}

http::Awaitable<absl::StatusOr<v1::IssueTokenResponse>> ControlPlaneClient::IssueToken(
    v1::IssueTokenRequest request) {
  REGISTRY_CALL(access, IssueToken, v1::IssueTokenResponse);
}

http::Awaitable<absl::StatusOr<v1::Upload>> ControlPlaneClient::BeginUpload(
    v1::BeginUploadRequest request) {
  REGISTRY_CALL(metadata, BeginUpload, v1::Upload);
}

http::Awaitable<absl::StatusOr<v1::Upload>> ControlPlaneClient::GetUpload(
    v1::GetUploadRequest request) {
  REGISTRY_CALL(metadata, GetUpload, v1::Upload);
}

http::Awaitable<absl::StatusOr<v1::ExtendUploadResponse>> ControlPlaneClient::ExtendUpload(
    v1::ExtendUploadRequest request) {
  REGISTRY_CALL(metadata, ExtendUpload, v1::ExtendUploadResponse);
}

http::Awaitable<absl::StatusOr<v1::CommitUploadResponse>> ControlPlaneClient::CommitUpload(
    v1::CommitUploadRequest request) {
  const auto start = [&](auto* context, auto* response, auto done) {
    stubs_->metadata->async()->CommitUpload(context, &request, response, std::move(done));
  };
  // Longer, because the storage node verifies the bytes meanwhile.
  co_return co_await Call<v1::CommitUploadResponse>(base::kFinishDeadline + base::kRpcDeadline,
                                                    start);
}

http::Awaitable<absl::StatusOr<v1::CancelUploadResponse>> ControlPlaneClient::CancelUpload(
    v1::CancelUploadRequest request) {
  REGISTRY_CALL(metadata, CancelUpload, v1::CancelUploadResponse);
}

http::Awaitable<absl::StatusOr<v1::MountBlobResponse>> ControlPlaneClient::MountBlob(
    v1::MountBlobRequest request) {
  REGISTRY_CALL(metadata, MountBlob, v1::MountBlobResponse);
}

http::Awaitable<absl::StatusOr<v1::FindMountSourcesResponse>> ControlPlaneClient::FindMountSources(
    v1::FindMountSourcesRequest request) {
  REGISTRY_CALL(metadata, FindMountSources, v1::FindMountSourcesResponse);
}

http::Awaitable<absl::StatusOr<v1::Blob>> ControlPlaneClient::GetBlob(v1::GetBlobRequest request) {
  REGISTRY_CALL(metadata, GetBlob, v1::Blob);
}

http::Awaitable<absl::StatusOr<v1::DeleteBlobResponse>> ControlPlaneClient::DeleteBlob(
    v1::DeleteBlobRequest request) {
  REGISTRY_CALL(metadata, DeleteBlob, v1::DeleteBlobResponse);
}

http::Awaitable<absl::StatusOr<v1::PutManifestResponse>> ControlPlaneClient::PutManifest(
    v1::PutManifestRequest request) {
  REGISTRY_CALL(metadata, PutManifest, v1::PutManifestResponse);
}

http::Awaitable<absl::StatusOr<v1::Manifest>> ControlPlaneClient::GetManifest(
    v1::GetManifestRequest request) {
  REGISTRY_CALL(metadata, GetManifest, v1::Manifest);
}

http::Awaitable<absl::StatusOr<v1::DeleteManifestResponse>> ControlPlaneClient::DeleteManifest(
    v1::DeleteManifestRequest request) {
  REGISTRY_CALL(metadata, DeleteManifest, v1::DeleteManifestResponse);
}

http::Awaitable<absl::StatusOr<v1::ListTagsResponse>> ControlPlaneClient::ListTags(
    v1::ListTagsRequest request) {
  REGISTRY_CALL(metadata, ListTags, v1::ListTagsResponse);
}

http::Awaitable<absl::StatusOr<v1::ListRepositoriesResponse>> ControlPlaneClient::ListRepositories(
    v1::ListRepositoriesRequest request) {
  REGISTRY_CALL(metadata, ListRepositories, v1::ListRepositoriesResponse);
}

http::Awaitable<absl::StatusOr<v1::ListReferrersResponse>> ControlPlaneClient::ListReferrers(
    v1::ListReferrersRequest request) {
  REGISTRY_CALL(metadata, ListReferrers, v1::ListReferrersResponse);
}

#undef REGISTRY_CALL

}  // namespace registry::gateway
