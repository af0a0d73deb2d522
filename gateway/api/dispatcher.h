// Dispatches a request: finds the route, authorizes, calls the handler, answers errors, logs.
//
// Thread-safe.
#ifndef REGISTRY_GATEWAY_API_DISPATCHER_H_
#define REGISTRY_GATEWAY_API_DISPATCHER_H_

#include <atomic>
#include <string>

#include "gateway/api/handler.h"
#include "gateway/limits/request_rate.h"

namespace registry::gateway {

// Limits on requests per second; 0: no limit.
struct RequestLimits {
  int max_requests_per_client = 0;
  int max_requests_per_user = 0;
};

class Dispatcher {
 public:
  // `planes` must outlive the dispatcher.
  Dispatcher(Planes& planes, const RequestLimits& limits);

  // Answers one request and logs it.
  http::Awaitable<void> Handle(http::Exchange& exchange);

 private:
  // The parts of a request that go into the access log.
  struct LogEntry {
    Route route;
    std::string principal;
    std::string error;
  };

  // Returns the error to answer with, if nothing was sent yet.
  http::Awaitable<absl::Status> Dispatch(http::Exchange& exchange, LogEntry& entry);
  // Passes the request to its handler if the policy allows it.
  http::Awaitable<absl::Status> DispatchAllowed(Context context, LogEntry& entry);
  std::string NextRequestId();

  Planes& planes_;
  RequestRate client_rate_;
  RequestRate user_rate_;
  // Request ids have a random part per process and a number per request.
  const std::string process_id_;
  std::atomic<uint64_t> next_request_ = 1;
};

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_API_DISPATCHER_H_
