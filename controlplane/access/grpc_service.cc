#include "controlplane/access/grpc_service.h"

#include <memory>
#include <mutex>

#include "absl/base/thread_annotations.h"
#include "base/grpc_status.h"
#include "controlplane/access/policy_watch.h"

namespace registry::controlplane {
namespace {

// A WatchPolicy stream: at most one message is in flight. Owned by the PolicyWatch until OnDone;
// the thread of that may hold it a little longer, and then finds it finished.
class WatchStream final : public grpc::ServerWriteReactor<v1::WatchPolicyResponse>,
                          public PolicyWatch::Watcher {
 public:
  explicit WatchStream(PolicyWatch& watch) : watch_(watch) {}

  // If a message is in flight, OnWriteDone sends the newest one later.
  void Notify() override {
    std::lock_guard lock(mutex_);
    if (!writing_ && !finished_) Write();
  }

  // Ends the stream as soon as no message is in flight.
  void End(const absl::Status& status) override {
    std::lock_guard lock(mutex_);
    if (ending_) return;
    ending_ = true;
    status_ = base::ToGrpcStatus(status);
    if (!writing_) FinishOnce();
  }

  void OnWriteDone(bool ok) override {
    std::lock_guard lock(mutex_);
    writing_ = false;
    if (ending_ || !ok) {
      FinishOnce();
    } else if (watch_.Newest().revision() > message_.revision()) {
      Write();
    }
  }

  void OnCancel() override { End(base::AbandonedError()); }

  void OnDone() override { watch_.Remove(this); }

 private:
  void Write() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    writing_ = true;
    message_ = watch_.Newest();
    StartWrite(&message_);
  }

  void FinishOnce() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (finished_) return;
    finished_ = true;
    Finish(status_);
  }

  PolicyWatch& watch_;
  std::mutex mutex_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::Status status_ ABSL_GUARDED_BY(mutex_);
  // gRPC reads it while writing_ is true.
  v1::WatchPolicyResponse message_;
};

}  // namespace

grpc::ServerWriteReactor<v1::WatchPolicyResponse>* GrpcAccessService::WatchPolicy(
    grpc::CallbackServerContext*, const v1::WatchPolicyRequest*) {
  auto stream = std::make_shared<WatchStream>(logic_.watch());
  grpc::ServerWriteReactor<v1::WatchPolicyResponse>* reactor = stream.get();
  logic_.watch().Add(std::move(stream));
  return reactor;
}

}  // namespace registry::controlplane
