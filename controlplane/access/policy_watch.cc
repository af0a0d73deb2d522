#include "controlplane/access/policy_watch.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"

namespace registry::controlplane {

// Owned by PolicyWatch::streams_ until OnDone. The heartbeat thread may hold it a little longer,
// and then finds it finished.
class PolicyWatch::Stream : public Reactor {
 public:
  explicit Stream(PolicyWatch& watch) : watch_(watch) {}

  // Sends the revision. If a message is in flight, OnWriteDone sends it later.
  void Send() {
    std::lock_guard lock(mutex_);
    if (!writing_ && !finished_) Write();
  }

  // Ends the stream as soon as no message is in flight.
  void End(grpc::Status status) {
    std::lock_guard lock(mutex_);
    if (ending_) return;
    ending_ = true;
    status_ = std::move(status);
    if (!writing_) FinishOnce();
  }

  void OnWriteDone(bool ok) override {
    std::lock_guard lock(mutex_);
    writing_ = false;
    if (ending_ || !ok) {
      FinishOnce();
    } else if (watch_.policy_->revision() > message_.revision()) {
      Write();
    }
  }

  void OnCancel() override { End(grpc::Status::CANCELLED); }

  void OnDone() override { watch_.Remove(this); }

 private:
  void Write() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    writing_ = true;
    message_.set_revision(watch_.policy_->revision());
    message_.set_epoch(watch_.epoch_);
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

PolicyWatch::PolicyWatch(std::shared_ptr<PolicyHolder> policy, std::chrono::milliseconds heartbeat,
                         size_t max_streams)
    : policy_(std::move(policy)),
      epoch_(absl::BytesToHexString(base::RandomBytes(16))),
      heartbeat_(heartbeat),
      max_streams_(max_streams) {
  listener_id_ = policy_->AddListener([this] {
    {
      std::lock_guard lock(mutex_);
      changed_ = true;
    }
    wake_.notify_one();
  });
  thread_ = std::thread([this] { Run(); });
}

PolicyWatch::~PolicyWatch() {
  policy_->RemoveListener(listener_id_);
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

PolicyWatch::Reactor* PolicyWatch::Open() {
  auto stream = std::make_shared<Stream>(*this);
  Reactor* reactor = stream.get();
  grpc::Status refusal;
  {
    std::lock_guard lock(mutex_);
    if (closed_) {
      refusal = grpc::Status(grpc::StatusCode::UNAVAILABLE, "the control plane is shutting down");
    } else if (streams_.size() >= max_streams_) {
      refusal = grpc::Status(
          grpc::StatusCode::UNAVAILABLE,
          absl::StrCat(max_streams_, " clients already watch the policy; no more are allowed"));
    }
    streams_.emplace(stream.get(), stream);
  }
  // Register the stream before reading the revision, so that it misses no change.
  if (refusal.ok()) {
    stream->Send();
  } else {
    stream->End(std::move(refusal));
  }
  return reactor;
}

void PolicyWatch::Close() {
  std::vector<std::shared_ptr<Stream>> streams;
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    for (const auto& [key, stream] : streams_) streams.push_back(stream);
  }
  for (const auto& stream : streams) {
    stream->End(grpc::Status(grpc::StatusCode::UNAVAILABLE, "the control plane is shutting down"));
  }
}

void PolicyWatch::Run() {
  auto next_heartbeat = std::chrono::steady_clock::now() + heartbeat_;
  std::vector<std::shared_ptr<Stream>> streams;
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait_until(lock, next_heartbeat, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return stopping_ || changed_;
    });
    if (stopping_) return;
    changed_ = false;
    for (const auto& [key, stream] : streams_) streams.push_back(stream);
    // Without the lock, because streams may end meanwhile.
    lock.unlock();
    for (const auto& stream : streams) stream->Send();
    streams.clear();
    lock.lock();
    next_heartbeat = std::chrono::steady_clock::now() + heartbeat_;
  }
}

void PolicyWatch::Remove(Stream* stream) {
  std::shared_ptr<Stream> last;
  std::lock_guard lock(mutex_);
  const auto found = streams_.find(stream);
  last = std::move(found->second);
  streams_.erase(found);
}

}  // namespace registry::controlplane
