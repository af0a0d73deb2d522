// StorageService over gRPC: binds the logic (storage_service.h).
// Thread-safe. Must outlive the server; the logic must outlive the binding.
#ifndef REGISTRY_DATAPLANE_GRPC_SERVICE_H_
#define REGISTRY_DATAPLANE_GRPC_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include "base/grpc_service.h"
#include "dataplane/storage_service.h"
#include "registry/v1/storage.grpc.pb.h"

namespace registry::dataplane {

class GrpcStorageService final : public v1::StorageService::CallbackService {
 public:
  explicit GrpcStorageService(StorageService& logic) : logic_(logic) {}

  grpc::ServerUnaryReactor* GetNode(grpc::CallbackServerContext* context,
                                    const v1::GetNodeRequest* request,
                                    v1::Node* response) override {
    return base::BindUnary(logic_, &StorageService::GetNode, context, request, response);
  }
  grpc::ServerUnaryReactor* Finish(grpc::CallbackServerContext* context,
                                   const v1::FinishRequest* request,
                                   v1::FinishResponse* response) override {
    return base::BindUnary(logic_, &StorageService::Finish, context, request, response);
  }
  grpc::ServerUnaryReactor* Stat(grpc::CallbackServerContext* context,
                                 const v1::StatRequest* request,
                                 v1::StatResponse* response) override {
    return base::BindUnary(logic_, &StorageService::Stat, context, request, response);
  }
  grpc::ServerUnaryReactor* List(grpc::CallbackServerContext* context,
                                 const v1::ListRequest* request,
                                 v1::ListResponse* response) override {
    return base::BindUnary(logic_, &StorageService::List, context, request, response);
  }
  grpc::ServerUnaryReactor* Delete(grpc::CallbackServerContext* context,
                                   const v1::DeleteRequest* request,
                                   v1::DeleteResponse* response) override {
    return base::BindUnary(logic_, &StorageService::Delete, context, request, response);
  }
  grpc::ServerReadReactor<v1::WriteRequest>* Write(grpc::CallbackServerContext* /*context*/,
                                                   v1::WriteResponse* response) override {
    return base::BindRequestStream(logic_, &StorageService::Write, response);
  }
  grpc::ServerWriteReactor<v1::ReadResponse>* Read(grpc::CallbackServerContext* context,
                                                   const v1::ReadRequest* request) override {
    return base::BindResponseStream(logic_, &StorageService::Read, context, request);
  }

 private:
  StorageService& logic_;
};

}  // namespace registry::dataplane

#endif  // REGISTRY_DATAPLANE_GRPC_SERVICE_H_
