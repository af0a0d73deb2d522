// Runs a unary gRPC call on a worker pool.
//
// Handlers of gRPC's callback API must not block. Work that blocks runs here instead:
//
//   grpc::ServerUnaryReactor* GetBlob(grpc::CallbackServerContext* context, const Request* request,
//                                     Response* response) override {
//     return base::RunUnary(pool_, context, [=, this] { return DoGetBlob(*request, response); });
//   }
//
// Skips the work if the caller left, or the deadline passed, while the call waited in the queue:
// under overload, the pool serves callers that still wait.
//
// gRPC keeps the request and the response alive until the call finishes. Thread-safe.
#ifndef REGISTRY_BASE_GRPC_SERVER_H_
#define REGISTRY_BASE_GRPC_SERVER_H_

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <functional>
#include <utility>

#include "absl/status/status.h"
#include "base/grpc_status.h"
#include "base/worker_pool.h"

namespace registry::base {

// Returns true if the caller no longer waits for the answer. Use it only before the call finishes.
inline bool IsAbandoned(const grpc::CallbackServerContext& context) {
  return context.IsCancelled() || context.deadline() <= std::chrono::system_clock::now();
}

inline absl::Status AbandonedError() { return absl::CancelledError("the caller has gone away"); }

inline absl::Status FullQueueError() {
  return absl::UnavailableError("too many requests are waiting; try again");
}

// Finishes a call. Call it exactly once, from any thread.
using FinishUnary = std::function<void(const absl::Status&)>;

// `work` takes a FinishUnary. It may return before the call finishes, so that a call that waits
// occupies no thread. If the queue is full, the call fails with UNAVAILABLE. `request_bytes`: the
// size of the request, where it may be large.
template <class Work>
grpc::ServerUnaryReactor* RunUnaryAsync(WorkerPool& pool, grpc::CallbackServerContext* context,
                                        Work work, size_t request_bytes = 0) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  auto job = [reactor, context, work = std::move(work)]() mutable {
    if (IsAbandoned(*context)) return reactor->Finish(ToGrpcStatus(AbandonedError()));
    work([reactor](const absl::Status& status) { reactor->Finish(ToGrpcStatus(status)); });
  };
  const bool queued = pool.Submit(std::move(job), request_bytes);
  if (!queued) reactor->Finish(ToGrpcStatus(FullQueueError()));
  return reactor;
}

// Continues a call of RunUnaryAsync on another pool. `work` takes nothing and returns an
// absl::Status, which finishes the call.
template <class Work>
void ContinueUnary(WorkerPool& pool, const grpc::CallbackServerContext* context, FinishUnary finish,
                   Work work, size_t request_bytes = 0) {
  auto job = [context, finish, work = std::move(work)]() mutable {
    finish(IsAbandoned(*context) ? AbandonedError() : work());
  };
  const bool queued = pool.Submit(std::move(job), request_bytes);
  if (!queued) finish(FullQueueError());
}

// `work` takes nothing and returns an absl::Status, which finishes the call.
template <class Work>
grpc::ServerUnaryReactor* RunUnary(WorkerPool& pool, grpc::CallbackServerContext* context,
                                   Work work) {
  return RunUnaryAsync(pool, context, [work = std::move(work)](const FinishUnary& finish) mutable {
    finish(work());
  });
}

}  // namespace registry::base

#endif  // REGISTRY_BASE_GRPC_SERVER_H_
