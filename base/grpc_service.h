// Binds the logic of a service (base/call.h) to gRPC's callback API. A service's methods are then:
//
//   grpc::ServerUnaryReactor* GetBlob(grpc::CallbackServerContext* context,
//                                     const v1::GetBlobRequest* request,
//                                     v1::Blob* response) override {
//     return base::BindUnary(logic_, &Logic::GetBlob, context, request, response);
//   }
//
// Thread-safe.
#ifndef REGISTRY_BASE_GRPC_SERVICE_H_
#define REGISTRY_BASE_GRPC_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include <utility>

#include "base/call.h"
#include "base/grpc_status.h"

namespace registry::base {

// A unary call. gRPC keeps the request and the response until it calls OnDone.
class UnaryCall final : public grpc::ServerUnaryReactor {
 public:
  UnaryCall(const grpc::CallbackServerContext& context, Peer peer) {
    info_.deadline = context.deadline();
    info_.peer = std::move(peer);
  }

  const CallInfo* info() const { return &info_; }
  void OnCancel() override { info_.cancellation.Request(); }
  void OnDone() override { delete this; }

 private:
  CallInfo info_;
};

template <class Logic, class Request, class Response>
grpc::ServerUnaryReactor* BindUnary(Logic& logic,
                                    void (Logic::*method)(const Request*, Response*,
                                                          const CallInfo*, Done),
                                    grpc::CallbackServerContext* context, const Request* request,
                                    Response* response, Peer peer = {}) {
  auto* call = new UnaryCall(*context, std::move(peer));
  (logic.*method)(request, response, call->info(),
                  [call](const absl::Status& status) { call->Finish(ToGrpcStatus(status)); });
  return call;
}

}  // namespace registry::base

#endif  // REGISTRY_BASE_GRPC_SERVICE_H_
