// From a request to its handler: route, access, handler, errors, access log.
//
// Thread-safe.
#ifndef REGISTRY_GATEWAY_DISPATCHER_H_
#define REGISTRY_GATEWAY_DISPATCHER_H_

#include <atomic>
#include <string>

#include "gateway/handler.h"

namespace registry::gateway {

class Dispatcher {
 public:
  // `planes` must outlive the dispatcher.
  explicit Dispatcher(Planes& planes);

  // Answers one request and logs it.
  Awaitable<void> Handle(Exchange& exchange);

 private:
  // What of a request goes into the access log.
  struct LogEntry {
    Route route;
    std::string principal;
    std::string error;
  };

  // The error to answer with, if nothing was sent yet.
  Awaitable<absl::Status> Dispatch(Exchange& exchange, LogEntry& entry);
  std::string NextRequestId();

  Planes& planes_;
  // Request ids: a random part for the process, a number for the request.
  const std::string process_id_;
  std::atomic<uint64_t> next_request_ = 1;
};

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_DISPATCHER_H_
