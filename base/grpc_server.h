// Answering a gRPC call from a worker pool.
//
// Reactions of gRPC's callback API must not block; the work of a unary call that does goes here:
//
//   grpc::ServerUnaryReactor* GetBlob(grpc::CallbackServerContext* context, const Request* request,
//                                     Response* response) override {
//     return base::RunUnary(pool_, context, [=, this] { return DoGetBlob(*request, response); });
//   }
//
// gRPC keeps request and response alive until the call is finished. Thread-safe.
#ifndef REGISTRY_BASE_GRPC_SERVER_H_
#define REGISTRY_BASE_GRPC_SERVER_H_

#include <grpcpp/grpcpp.h>

#include <utility>

#include "absl/status/status.h"
#include "base/grpc_status.h"
#include "base/worker_pool.h"

namespace registry::base {

// `work` is an absl::Status(). A full queue answers UNAVAILABLE.
template <class Work>
grpc::ServerUnaryReactor* RunUnary(WorkerPool& pool, grpc::CallbackServerContext* context,
                                   Work work) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const bool queued = pool.Submit(
      [reactor, work = std::move(work)]() mutable { reactor->Finish(ToGrpcStatus(work())); });
  if (!queued) {
    reactor->Finish(
        grpc::Status(grpc::StatusCode::UNAVAILABLE, "too many requests are waiting; try again"));
  }
  return reactor;
}

}  // namespace registry::base

#endif  // REGISTRY_BASE_GRPC_SERVER_H_
