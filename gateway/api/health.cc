// GET /readyz: 200 when the planes behind this gateway answer and it has not been told to stop.
#include "gateway/api/error_response.h"
#include "gateway/api/handler.h"

namespace registry::gateway {

http::Awaitable<absl::Status> CheckReadiness(Planes& planes, http::Exchange& exchange) {
  if (planes.stopping) {
    co_return co_await exchange.Send(
        ErrorResponse(503, "UNAVAILABLE", "this registry is shutting down"));
  }
  absl::Status status = co_await planes.control_plane.CheckHealth();
  if (status.ok()) status = co_await planes.storage_nodes.CheckHealth();
  if (!status.ok()) {
    co_return co_await exchange.Send(ErrorResponse(503, "UNAVAILABLE", status.message()));
  }
  http::Response response;
  response.head.Set("Content-Type", "text/plain");
  response.body = "ready\n";
  co_return co_await exchange.Send(std::move(response));
}

}  // namespace registry::gateway
