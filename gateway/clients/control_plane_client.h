// The gateway's client for the control plane.
//
// Each method is one RPC of access.proto or metadata.proto, which document arguments and errors.
// Thread-safe.
#ifndef REGISTRY_GATEWAY_CLIENTS_CONTROL_PLANE_CLIENT_H_
#define REGISTRY_GATEWAY_CLIENTS_CONTROL_PLANE_CLIENT_H_

#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "base/http/awaitable.h"
#include "registry/v1/access.pb.h"
#include "registry/v1/metadata.pb.h"

namespace grpc {
class Channel;
}

namespace registry::gateway {

class ControlPlaneClient {
 public:
  explicit ControlPlaneClient(std::shared_ptr<grpc::Channel> channel);
  ~ControlPlaneClient();

  http::Awaitable<absl::StatusOr<v1::AuthorizeResponse>> Authorize(v1::AuthorizeRequest request);
  http::Awaitable<absl::StatusOr<v1::IssueTokenResponse>> IssueToken(v1::IssueTokenRequest request);

  // The stream of policy revisions.
  class PolicyWatch {
   public:
    virtual ~PolicyWatch() = default;
    // The next message; nullopt once the stream has ended.
    virtual http::Awaitable<std::optional<v1::WatchPolicyResponse>> Next() = 0;
    // Ends the stream; thread-safe.
    virtual void Cancel() = 0;
  };
  std::shared_ptr<PolicyWatch> WatchPolicy();

  http::Awaitable<absl::StatusOr<v1::Upload>> BeginUpload(v1::BeginUploadRequest request);
  http::Awaitable<absl::StatusOr<v1::Upload>> GetUpload(v1::GetUploadRequest request);
  http::Awaitable<absl::StatusOr<v1::ExtendUploadResponse>> ExtendUpload(
      v1::ExtendUploadRequest request);
  http::Awaitable<absl::StatusOr<v1::CommitUploadResponse>> CommitUpload(
      v1::CommitUploadRequest request);
  http::Awaitable<absl::StatusOr<v1::CancelUploadResponse>> CancelUpload(
      v1::CancelUploadRequest request);
  http::Awaitable<absl::StatusOr<v1::MountBlobResponse>> MountBlob(v1::MountBlobRequest request);
  http::Awaitable<absl::StatusOr<v1::FindMountSourcesResponse>> FindMountSources(
      v1::FindMountSourcesRequest request);
  http::Awaitable<absl::StatusOr<v1::Blob>> GetBlob(v1::GetBlobRequest request);
  http::Awaitable<absl::StatusOr<v1::DeleteBlobResponse>> DeleteBlob(v1::DeleteBlobRequest request);
  http::Awaitable<absl::StatusOr<v1::PutManifestResponse>> PutManifest(
      v1::PutManifestRequest request);
  http::Awaitable<absl::StatusOr<v1::Manifest>> GetManifest(v1::GetManifestRequest request);
  http::Awaitable<absl::StatusOr<v1::DeleteManifestResponse>> DeleteManifest(
      v1::DeleteManifestRequest request);
  http::Awaitable<absl::StatusOr<v1::ListTagsResponse>> ListTags(v1::ListTagsRequest request);
  http::Awaitable<absl::StatusOr<v1::ListRepositoriesResponse>> ListRepositories(
      v1::ListRepositoriesRequest request);
  http::Awaitable<absl::StatusOr<v1::ListReferrersResponse>> ListReferrers(
      v1::ListReferrersRequest request);

  // OK if the plane reports that it serves.
  http::Awaitable<absl::Status> CheckHealth();

 private:
  struct Stubs;
  std::unique_ptr<Stubs> stubs_;
};

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_CLIENTS_CONTROL_PLANE_CLIENT_H_
