// MetadataService over gRPC: binds MetadataService (service.h).
// Thread-safe. Must outlive the server; the logic must outlive the binding.
#ifndef REGISTRY_CONTROLPLANE_METADATA_GRPC_SERVICE_H_
#define REGISTRY_CONTROLPLANE_METADATA_GRPC_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include "base/grpc_service.h"
#include "controlplane/metadata/service.h"
#include "registry/v1/metadata.grpc.pb.h"

namespace registry::controlplane {

class GrpcMetadataService final : public v1::MetadataService::CallbackService {
 public:
  explicit GrpcMetadataService(MetadataService& logic) : logic_(logic) {}

  grpc::ServerUnaryReactor* BeginUpload(grpc::CallbackServerContext* context,
                                        const v1::BeginUploadRequest* request,
                                        v1::Upload* response) override {
    return base::BindUnary(logic_, &MetadataService::BeginUpload, context, request, response);
  }
  grpc::ServerUnaryReactor* GetUpload(grpc::CallbackServerContext* context,
                                      const v1::GetUploadRequest* request,
                                      v1::Upload* response) override {
    return base::BindUnary(logic_, &MetadataService::GetUpload, context, request, response);
  }
  grpc::ServerUnaryReactor* ExtendUpload(grpc::CallbackServerContext* context,
                                         const v1::ExtendUploadRequest* request,
                                         v1::ExtendUploadResponse* response) override {
    return base::BindUnary(logic_, &MetadataService::ExtendUpload, context, request, response);
  }
  grpc::ServerUnaryReactor* CommitUpload(grpc::CallbackServerContext* context,
                                         const v1::CommitUploadRequest* request,
                                         v1::CommitUploadResponse* response) override {
    return base::BindCancellable(logic_, &MetadataService::CommitUpload, context, request,
                                 response);
  }
  grpc::ServerUnaryReactor* CancelUpload(grpc::CallbackServerContext* context,
                                         const v1::CancelUploadRequest* request,
                                         v1::CancelUploadResponse* response) override {
    return base::BindUnary(logic_, &MetadataService::CancelUpload, context, request, response);
  }
  grpc::ServerUnaryReactor* MountBlob(grpc::CallbackServerContext* context,
                                      const v1::MountBlobRequest* request,
                                      v1::MountBlobResponse* response) override {
    return base::BindUnary(logic_, &MetadataService::MountBlob, context, request, response);
  }
  grpc::ServerUnaryReactor* GetBlob(grpc::CallbackServerContext* context,
                                    const v1::GetBlobRequest* request,
                                    v1::Blob* response) override {
    return base::BindUnary(logic_, &MetadataService::GetBlob, context, request, response);
  }
  grpc::ServerUnaryReactor* DeleteBlob(grpc::CallbackServerContext* context,
                                       const v1::DeleteBlobRequest* request,
                                       v1::DeleteBlobResponse* response) override {
    return base::BindUnary(logic_, &MetadataService::DeleteBlob, context, request, response);
  }
  grpc::ServerUnaryReactor* PutManifest(grpc::CallbackServerContext* context,
                                        const v1::PutManifestRequest* request,
                                        v1::PutManifestResponse* response) override {
    return base::BindUnary(logic_, &MetadataService::PutManifest, context, request, response);
  }
  grpc::ServerUnaryReactor* GetManifest(grpc::CallbackServerContext* context,
                                        const v1::GetManifestRequest* request,
                                        v1::Manifest* response) override {
    return base::BindUnary(logic_, &MetadataService::GetManifest, context, request, response);
  }
  grpc::ServerUnaryReactor* DeleteManifest(grpc::CallbackServerContext* context,
                                           const v1::DeleteManifestRequest* request,
                                           v1::DeleteManifestResponse* response) override {
    return base::BindUnary(logic_, &MetadataService::DeleteManifest, context, request, response);
  }
  grpc::ServerUnaryReactor* ListTags(grpc::CallbackServerContext* context,
                                     const v1::ListTagsRequest* request,
                                     v1::ListTagsResponse* response) override {
    return base::BindUnary(logic_, &MetadataService::ListTags, context, request, response);
  }
  grpc::ServerUnaryReactor* FindMountSources(grpc::CallbackServerContext* context,
                                             const v1::FindMountSourcesRequest* request,
                                             v1::FindMountSourcesResponse* response) override {
    return base::BindUnary(logic_, &MetadataService::FindMountSources, context, request, response);
  }
  grpc::ServerUnaryReactor* ListRepositories(grpc::CallbackServerContext* context,
                                             const v1::ListRepositoriesRequest* request,
                                             v1::ListRepositoriesResponse* response) override {
    return base::BindUnary(logic_, &MetadataService::ListRepositories, context, request, response);
  }
  grpc::ServerUnaryReactor* ListReferrers(grpc::CallbackServerContext* context,
                                          const v1::ListReferrersRequest* request,
                                          v1::ListReferrersResponse* response) override {
    return base::BindUnary(logic_, &MetadataService::ListReferrers, context, request, response);
  }

 private:
  MetadataService& logic_;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_METADATA_GRPC_SERVICE_H_
