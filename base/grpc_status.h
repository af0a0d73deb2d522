// absl::Status to grpc::Status and back, payloads included as google.rpc.Status has them (AIP-193).
//
// Thread-safe.
#ifndef REGISTRY_BASE_GRPC_STATUS_H_
#define REGISTRY_BASE_GRPC_STATUS_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace registry::base {

grpc::Status ToGrpcStatus(const absl::Status& status);

absl::Status FromGrpcStatus(const grpc::Status& status);

}  // namespace registry::base

#endif  // REGISTRY_BASE_GRPC_STATUS_H_
