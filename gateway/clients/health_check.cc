#include "gateway/clients/health_check.h"

#include "absl/strings/str_cat.h"
#include "gateway/clients/rpc.h"

namespace registry::gateway {

http::Awaitable<absl::Status> CheckHealth(grpc::health::v1::Health::Stub& stub) {
  namespace health = grpc::health::v1;
  const health::HealthCheckRequest request;
  const auto start = [&](auto* context, auto* response, auto done) {
    stub.async()->Check(context, &request, response, std::move(done));
  };
  const auto response = co_await Call<health::HealthCheckResponse>(std::chrono::seconds(2), start);
  if (!response.ok()) co_return response.status();
  if (response->status() != health::HealthCheckResponse::SERVING) {
    co_return absl::UnavailableError(absl::StrCat(
        "health is ", health::HealthCheckResponse::ServingStatus_Name(response->status())));
  }
  co_return absl::OkStatus();
}

}  // namespace registry::gateway
