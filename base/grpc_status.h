// Converts between absl::Status and grpc::Status. Payloads travel as google.rpc.Status (AIP-193).
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
