// Implements StorageService (proto/registry/v1/storage.proto) on the files of a data folder: a thin
// adapter for gRPC's callback API. Handlers never block; file work runs on the FileExecutor.
//
// Thread-safe. Must outlive the grpc::Server that serves it, but not the constructor's arguments.
#ifndef REGISTRY_DATAPLANE_STORAGE_SERVICE_H_
#define REGISTRY_DATAPLANE_STORAGE_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "dataplane/blob_files.h"
#include "dataplane/data_folder.h"
#include "dataplane/file_executor.h"
#include "dataplane/incarnation.h"
#include "dataplane/upload_files.h"
#include "registry/v1/storage.grpc.pb.h"

namespace registry::dataplane {

class StorageService : public v1::StorageService::CallbackService {
 public:
  StorageService(v1::Node node, const DataFolder& folder, BlobFiles& blobs, UploadFiles& uploads,
                 FileExecutor& executor)
      : node_(std::move(node)),
        folder_(folder),
        blobs_(blobs),
        uploads_(uploads),
        executor_(executor) {}

  grpc::ServerUnaryReactor* GetNode(grpc::CallbackServerContext* context,
                                    const v1::GetNodeRequest* request, v1::Node* response) override;
  grpc::ServerReadReactor<v1::WriteRequest>* Write(grpc::CallbackServerContext* context,
                                                   v1::WriteResponse* response) override;
  grpc::ServerUnaryReactor* Finish(grpc::CallbackServerContext* context,
                                   const v1::FinishRequest* request,
                                   v1::FinishResponse* response) override;
  grpc::ServerUnaryReactor* Stat(grpc::CallbackServerContext* context,
                                 const v1::StatRequest* request,
                                 v1::StatResponse* response) override;
  grpc::ServerUnaryReactor* List(grpc::CallbackServerContext* context,
                                 const v1::ListRequest* request,
                                 v1::ListResponse* response) override;
  grpc::ServerWriteReactor<v1::ReadResponse>* Read(grpc::CallbackServerContext* context,
                                                   const v1::ReadRequest* request) override;
  grpc::ServerUnaryReactor* Delete(grpc::CallbackServerContext* context,
                                   const v1::DeleteRequest* request,
                                   v1::DeleteResponse* response) override;

 private:
  using Work = std::function<absl::Status(const Incarnation& incarnation)>;

  // Answers a call with the result of `work`, in the order of the incarnation's requests.
  grpc::ServerUnaryReactor* Run(grpc::CallbackServerContext* context,
                                const std::string& incarnation, FileExecutor::Length length,
                                Work work);

  const v1::Node node_;
  const DataFolder& folder_;
  BlobFiles& blobs_;
  UploadFiles& uploads_;
  FileExecutor& executor_;
};

}  // namespace registry::dataplane

#endif  // REGISTRY_DATAPLANE_STORAGE_SERVICE_H_
