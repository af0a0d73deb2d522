// When to try again, as a detail of an error: google.rpc.RetryInfo, which base/grpc_status.h
// carries across gRPC.
//
//   return WithRetryDelay(absl::ResourceExhaustedError("…"), std::chrono::seconds(30));
//
// Thread-safe.
#ifndef REGISTRY_BASE_RETRY_DELAY_H_
#define REGISTRY_BASE_RETRY_DELAY_H_

#include <chrono>
#include <optional>

#include "absl/status/status.h"

namespace registry::base {

absl::Status WithRetryDelay(absl::Status status, std::chrono::seconds delay);

// nullopt when the status has none.
std::optional<std::chrono::seconds> RetryDelayOf(const absl::Status& status);

}  // namespace registry::base

#endif  // REGISTRY_BASE_RETRY_DELAY_H_
