// The context of a gRPC call whose answer arrives on one of gRPC's threads.
//
// A grpc::ClientContext shares the ownership of its channel. If one of gRPC's threads destroys the
// last reference to the last channel, gRPC 1.51 makes that thread join itself and frees its queue
// twice. So release the context before anybody learns of the answer: until then the call's owner
// still has the channel.
//
// Thread-safe.
#ifndef REGISTRY_BASE_CLIENT_CALL_H_
#define REGISTRY_BASE_CLIENT_CALL_H_

#include <grpcpp/client_context.h>

#include <mutex>
#include <optional>

#include "absl/base/thread_annotations.h"

namespace registry::base {

class ClientCall {
 public:
  // For starting the call. Valid until Release.
  grpc::ClientContext* context() ABSL_NO_THREAD_SAFETY_ANALYSIS { return &*context_; }

  // Makes the call end soon with CANCELLED, unless it has ended.
  void Cancel() {
    std::lock_guard lock(mutex_);
    if (context_) context_->TryCancel();
  }

  // Call it when the call has ended, before handing on its result.
  void Release() {
    std::lock_guard lock(mutex_);
    context_.reset();
  }

 private:
  std::mutex mutex_;
  std::optional<grpc::ClientContext> context_ ABSL_GUARDED_BY(mutex_){std::in_place};
};

}  // namespace registry::base

#endif  // REGISTRY_BASE_CLIENT_CALL_H_
