#include "gateway/gateway.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/http/event_loops.h"
#include "base/http/file_reader.h"
#include "base/http/server.h"
#include "base/log.h"
#include "gateway/api/dispatcher.h"
#include "gateway/api/error_response.h"

namespace registry::gateway {
namespace {

http::Response MalformedRequest(int status, absl::string_view reason) {
  base::LogInfo("request refused", {{"status", status}, {"error", reason}});
  const char* code = status == 503   ? "UNAVAILABLE"
                     : status == 500 ? "INTERNAL"
                     : status == 429 ? "TOOMANYREQUESTS"
                                     : "UNSUPPORTED";
  http::Response response = ErrorResponse(status, code, reason);
  // Set it whatever the path of the request.
  response.head.Set("Docker-Distribution-Api-Version", "registry/2.0");
  return response;
}

}  // namespace

// In construction order: later members use earlier ones.
struct Gateway::Parts {
  explicit Parts(const GatewayOptions& options)
      : control_plane(options.control_plane),
        storage_nodes(options.storage_nodes, files),
        access(control_plane),
        planes{control_plane, storage_nodes, access,  manifest_budget,
               answer_budget, form_budget,   stopping},
        dispatcher(planes, {.max_requests_per_client = options.max_requests_per_client,
                            .max_requests_per_user = options.max_requests_per_user}),
        loops(options.threads > 0 ? options.threads : std::thread::hardware_concurrency()) {}

  http::FileReader files;
  ControlPlaneClient control_plane;
  StorageClient storage_nodes;
  Access access;
  MemoryBudget manifest_budget{base::kManifestBudgetBytes};
  MemoryBudget answer_budget{base::kManifestAnswerBudgetBytes};
  MemoryBudget form_budget{base::kFormBudgetBytes};
  // /readyz says so.
  std::atomic<bool> stopping = false;
  Planes planes;
  Dispatcher dispatcher;
  http::EventLoops loops;
  std::unique_ptr<http::Server> server;
  bool stopped = false;
};

Gateway::Gateway(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Gateway::~Gateway() {
  if (!parts_->stopped) Stop(std::chrono::milliseconds(0));
}

absl::StatusOr<std::unique_ptr<Gateway>> Gateway::Start(GatewayOptions options) {
  std::unique_ptr<Gateway> gateway(new Gateway(std::make_unique<Parts>(options)));
  Parts& parts = *gateway->parts_;
  const http::ServerOptions server_options{
      .host = options.host,
      .port = options.port,
      .tls = std::move(options.tls),
      .max_connections_per_client = options.max_connections_per_client,
      .connection = {.trusted_proxies = options.trusted_proxies,
                     .public_url = options.public_url,
                     .files = &parts.files}};
  absl::StatusOr<std::unique_ptr<http::Server>> server = http::Server::Listen(
      parts.loops, server_options,
      [&parts](http::Exchange& exchange) { return parts.dispatcher.Handle(exchange); },
      MalformedRequest);
  if (!server.ok()) return server.status();
  parts.server = *std::move(server);
  // A connection that holds up its loop must not make the policy look lost.
  parts.access.Start(parts.loops.loop(0));
  return gateway;
}

std::string Gateway::address() const { return parts_->server->address(); }

absl::Status Gateway::UseCertificate(const http::TlsIdentity& identity) {
  return parts_->server->UseCertificate(identity);
}

void Gateway::AnnounceStop() { parts_->stopping = true; }

void Gateway::CutOff() { parts_->server->CutOff(); }

size_t Gateway::Stop(std::chrono::milliseconds timeout) {
  parts_->stopped = true;
  const size_t cut_off = parts_->server ? parts_->server->Drain(timeout) : 0;
  parts_->access.Stop();
  parts_->loops.Stop();
  return cut_off;
}

}  // namespace registry::gateway
