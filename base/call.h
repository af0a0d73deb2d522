// Calls of a plane's services, as their logic sees them, whatever brought them: gRPC
// (base/grpc_service.h) or a call within the process.
//
// A method of the logic is
//
//   void GetBlob(const v1::GetBlobRequest* request, v1::Blob* response, const base::CallInfo* call,
//                base::Done done);
//
// It does not block. It calls `done` exactly once, from any thread, perhaps before it returns.
// Until then request, response and call exist. What blocks runs on a worker pool:
//
//   base::RunCall(pool_, call, std::move(done), [=, this] { return DoGetBlob(*request, response);
//   });
//
// That skips the work if the caller left, or the deadline passed, while the call waited in the
// queue: under overload, the pool serves callers that still wait.
#ifndef REGISTRY_BASE_CALL_H_
#define REGISTRY_BASE_CALL_H_

#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/worker_pool.h"

namespace registry::base {

// Ends a call.
using Done = std::function<void(const absl::Status&)>;

// Tells the logic of a call that the caller has left. Thread-safe.
class Cancellation {
 public:
  Cancellation() = default;
  // For a binding that would have to pay for Request: `poll` tells. OnRequest has no effect then.
  explicit Cancellation(std::function<bool()> poll) : poll_(std::move(poll)) {}

  bool requested() const {
    if (poll_) return poll_();
    std::lock_guard lock(mutex_);
    return requested_;
  }

  void Request() {
    std::function<void()> handler;
    {
      std::lock_guard lock(mutex_);
      if (std::exchange(requested_, true)) return;
      handler = std::move(handler_);
    }
    if (handler) handler();
  }

  // Runs `handler` when the caller leaves; now, if it has. One handler a call. It may still run, on
  // another thread, when the call ends: let it own what it uses.
  void OnRequest(std::function<void()> handler) const {
    {
      std::lock_guard lock(mutex_);
      if (!requested_) {
        handler_ = std::move(handler);
        return;
      }
    }
    handler();
  }

 private:
  const std::function<bool()> poll_;
  mutable std::mutex mutex_;
  bool requested_ ABSL_GUARDED_BY(mutex_) = false;
  mutable std::function<void()> handler_ ABSL_GUARDED_BY(mutex_);
};

// Who calls, as far as the binding can tell; empty: unknown.
struct Peer {
  // From a certificate, or from the local socket.
  std::string name;
  std::string address;
};

struct CallInfo {
  std::chrono::system_clock::time_point deadline = std::chrono::system_clock::time_point::max();
  Cancellation cancellation;
  Peer peer;

  // True if nobody waits for the answer any more.
  bool IsAbandoned() const {
    return cancellation.requested() || deadline <= std::chrono::system_clock::now();
  }
};

// The responses of a call that answers with a stream.
template <class Response>
class ResponseStream {
 public:
  // true: `response` is filled in. false: the stream has ended. An error: it has failed.
  using OnNext = std::function<void(absl::StatusOr<bool>)>;

  virtual ~ResponseStream() = default;

  // Gets the next response. `done` is called once, on any thread, perhaps within Next; `response`
  // and this object must exist until then. One call at a time, none after the end.
  virtual void Next(Response* response, OnNext done) = 0;
};

// The requests of a call that takes a stream. The call ends with its Done, perhaps while the caller
// still sends, but not before the first Take or End.
template <class Request>
class RequestStream {
 public:
  using Ready = std::function<void()>;

  virtual ~RequestStream() = default;

  // Where the caller writes the next request, until Take.
  virtual Request* buffer() = 0;

  // Takes the request in the buffer. Calls `ready` when the next one may be written there, unless
  // the call ends first: never during or after the call's Done. Neither of the two may call Take or
  // End before it returns.
  virtual void Take(Ready ready) = 0;

  // There are no more requests: the caller has sent all, or has gone away.
  virtual void End() = 0;
};

inline absl::Status AbandonedError() { return absl::CancelledError("the caller has gone away"); }

inline absl::Status FullQueueError() {
  return absl::UnavailableError("too many requests are waiting; try again");
}

// `work` takes a Done. It may return before the call ends, so that a call that waits occupies no
// thread. If the queue is full, the call fails with UNAVAILABLE. `request_bytes`: the size of the
// request, where it may be large.
template <class Work>
void RunCallAsync(WorkerPool& pool, const CallInfo* call, Done done, Work work,
                  size_t request_bytes = 0) {
  auto job = [call, done, work = std::move(work)]() mutable {
    if (call->IsAbandoned()) return done(AbandonedError());
    work(std::move(done));
  };
  if (!pool.Submit(std::move(job), request_bytes)) done(FullQueueError());
}

// `work` takes nothing and returns an absl::Status, which ends the call.
template <class Work>
void RunCall(WorkerPool& pool, const CallInfo* call, Done done, Work work,
             size_t request_bytes = 0) {
  RunCallAsync(
      pool, call, std::move(done),
      [work = std::move(work)](const Done& end) mutable { end(work()); }, request_bytes);
}

}  // namespace registry::base

#endif  // REGISTRY_BASE_CALL_H_
