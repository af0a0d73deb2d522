// AccessService over gRPC: binds AccessService (service.h).
// Thread-safe. Must outlive the server; the logic must outlive the binding.
#ifndef REGISTRY_CONTROLPLANE_ACCESS_GRPC_SERVICE_H_
#define REGISTRY_CONTROLPLANE_ACCESS_GRPC_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include "base/grpc_service.h"
#include "controlplane/access/service.h"
#include "registry/v1/access.grpc.pb.h"

namespace registry::controlplane {

class GrpcAccessService final : public v1::AccessService::CallbackService {
 public:
  explicit GrpcAccessService(AccessService& logic) : logic_(logic) {}

  grpc::ServerUnaryReactor* Authorize(grpc::CallbackServerContext* context,
                                      const v1::AuthorizeRequest* request,
                                      v1::AuthorizeResponse* response) override {
    return base::BindUnary(logic_, &AccessService::Authorize, context, request, response);
  }
  grpc::ServerUnaryReactor* IssueToken(grpc::CallbackServerContext* context,
                                       const v1::IssueTokenRequest* request,
                                       v1::IssueTokenResponse* response) override {
    return base::BindUnary(logic_, &AccessService::IssueToken, context, request, response);
  }
  grpc::ServerWriteReactor<v1::WatchPolicyResponse>* WatchPolicy(
      grpc::CallbackServerContext* context, const v1::WatchPolicyRequest* request) override;

 private:
  AccessService& logic_;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_ACCESS_GRPC_SERVICE_H_
