// Attaches a retry delay to an error, as google.rpc.RetryInfo; base/grpc_status.h carries it across
// gRPC.
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

// The delay attached to `status`; nullopt if there is none.
std::optional<std::chrono::seconds> RetryDelayOf(const absl::Status& status);

}  // namespace registry::base

#endif  // REGISTRY_BASE_RETRY_DELAY_H_
