// Is the registry there? GET /healthz: this process is. GET /readyz: so are the planes behind it,
// and it has not been told to stop. GET /v2/: it speaks the specification
// (spec.md#determining-support).
#include "gateway/api/error_response.h"
#include "gateway/api/handler.h"

namespace registry::gateway {
namespace {

http::Response Text(absl::string_view type, absl::string_view body) {
  http::Response response;
  response.head.Set("Content-Type", type);
  response.body = std::string(body);
  return response;
}

}  // namespace

http::Awaitable<absl::Status> GetHealth(Context context) {
  return context.exchange.Send(Text("text/plain", "ok\n"));
}

http::Awaitable<absl::Status> GetReadiness(Context context) {
  if (context.planes.stopping) {
    co_return co_await context.exchange.Send(
        ErrorResponse(503, "UNAVAILABLE", "this registry is shutting down"));
  }
  absl::Status status = co_await context.planes.control_plane.CheckHealth();
  if (status.ok()) status = co_await context.planes.storage_nodes.CheckHealth();
  if (!status.ok()) {
    co_return co_await context.exchange.Send(ErrorResponse(503, "UNAVAILABLE", status.message()));
  }
  co_return co_await context.exchange.Send(Text("text/plain", "ready\n"));
}

http::Awaitable<absl::Status> GetVersion(Context context) {
  return context.exchange.Send(Text("application/json", "{}"));
}

}  // namespace registry::gateway
