// Answers gRPC calls from a worker pool.
//
// Handlers of gRPC's callback API must not block. A unary call that blocks runs here:
//
//   grpc::ServerUnaryReactor* GetBlob(grpc::CallbackServerContext* context, const Request* request,
//                                     Response* response) override {
//     return base::RunUnary(pool_, context, [=, this] { return DoGetBlob(*request, response); });
//   }
//
// gRPC keeps the request and the response alive until the call finishes. Thread-safe.
#ifndef REGISTRY_BASE_GRPC_SERVER_H_
#define REGISTRY_BASE_GRPC_SERVER_H_

#include <grpcpp/grpcpp.h>

#include <utility>

#include "absl/status/status.h"
#include "base/grpc_status.h"
#include "base/worker_pool.h"

namespace registry::base {

// `work` takes nothing and returns an absl::Status. If the queue is full, the call fails with
// UNAVAILABLE.
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
