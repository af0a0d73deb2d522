// Checks a plane's health with the standard gRPC protocol (grpc/doc/health-checking.md).
#ifndef REGISTRY_GATEWAY_CLIENTS_HEALTH_CHECK_H_
#define REGISTRY_GATEWAY_CLIENTS_HEALTH_CHECK_H_

#include "absl/status/status.h"
#include "base/http/awaitable.h"
#include "grpc/health/v1/health.grpc.pb.h"

namespace registry::gateway {

// OK if the server serves; UNAVAILABLE otherwise. Waits at most 2 s.
http::Awaitable<absl::Status> CheckHealth(grpc::health::v1::Health::Stub& stub);

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_CLIENTS_HEALTH_CHECK_H_
