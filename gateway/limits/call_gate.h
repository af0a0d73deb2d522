// Bounds the memory of concurrent calls to another plane: calls that do not fit wait their turn.
//
//   const std::optional<CallGate::Pass> pass = co_await gate.Enter(bytes);
//   if (!pass) co_return absl::UnavailableError("…");
//   … co_await Call(…) …   // the pass's destructor returns it
//
// Waiting coroutines should hold little: make the message after Enter. A call larger than the whole
// gate goes alone. Thread-safe.
#ifndef REGISTRY_GATEWAY_LIMITS_CALL_GATE_H_
#define REGISTRY_GATEWAY_LIMITS_CALL_GATE_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "base/http/awaitable.h"
#include "base/limits.h"

namespace registry::gateway {

struct CallGateOptions {
  size_t bytes;
  std::chrono::milliseconds max_wait = base::kRpcDeadline;
  size_t max_waiting = base::kAccessCallsWaiting;
};

class CallGate {
 public:
  explicit CallGate(CallGateOptions options) : options_(options), free_bytes_(options.bytes) {}

  CallGate(const CallGate&) = delete;
  CallGate& operator=(const CallGate&) = delete;

  // Must not outlive its gate.
  class Pass {
   public:
    Pass(CallGate& gate, size_t bytes) : gate_(&gate, GiveBack{bytes}) {}

   private:
    struct GiveBack {
      size_t bytes;
      void operator()(CallGate* gate) const { gate->Release(bytes); }
    };
    std::unique_ptr<CallGate, GiveBack> gate_;
  };

  // Admits callers in order. nullopt if too many already wait, or if the coroutine is cancelled
  // while waiting, or has waited for `max_wait`.
  http::Awaitable<std::optional<Pass>> Enter(size_t bytes);

 private:
  struct Waiter {
    size_t bytes;
    std::function<void(bool)> done;
  };

  bool TryTake(size_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Wait(uint64_t id, size_t bytes, std::function<void(bool)> done);
  void Cancel(uint64_t id);
  void Release(size_t bytes);

  const CallGateOptions options_;
  std::mutex mutex_;
  size_t free_bytes_ ABSL_GUARDED_BY(mutex_);
  uint64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  // By id: the first has waited longest.
  std::map<uint64_t, Waiter> waiters_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_LIMITS_CALL_GATE_H_
