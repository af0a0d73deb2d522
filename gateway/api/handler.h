// Declares the handlers of all resources and their context. One handler answers one method of one
// resource; it reads top to bottom like the HTTP exchange.
#ifndef REGISTRY_GATEWAY_API_HANDLER_H_
#define REGISTRY_GATEWAY_API_HANDLER_H_

#include <atomic>
#include <string>

#include "absl/status/status.h"
#include "base/http/exchange.h"
#include "gateway/access/access.h"
#include "gateway/api/route.h"
#include "gateway/clients/control_plane_client.h"
#include "gateway/clients/storage_client.h"
#include "gateway/limits/memory_budget.h"

namespace registry::gateway {

// The planes behind the gateway. Thread-safe.
struct Planes {
  ControlPlaneClient& control_plane;
  StorageClient& storage_nodes;
  Access& access;
  // Manifests that clients push.
  MemoryBudget& manifest_budget;
  // Manifests and lists that clients read.
  MemoryBudget& answer_budget;
  // Forms that clients send.
  MemoryBudget& form_budget;
  // This gateway has been told to stop and is not ready for new clients.
  const std::atomic<bool>& stopping;
};

// A request that has passed the checks of its endpoint. Lives as long as the handler runs.
struct Context {
  Planes& planes;
  http::Exchange& exchange;
  const Endpoint& endpoint;
  const Route& route;
  const v1::Credential& credential;
  // The user's name; empty for an anonymous client.
  const std::string& principal;

  const http::Request& request() const { return exchange.request(); }
};

// Each answers the exchange, or returns the error to answer with if nothing was sent yet.
http::Awaitable<absl::Status> GetHealth(Context context);
http::Awaitable<absl::Status> GetReadiness(Context context);
http::Awaitable<absl::Status> GetVersion(Context context);

http::Awaitable<absl::Status> GetBlob(Context context);  // and HEAD
http::Awaitable<absl::Status> DeleteBlob(Context context);

http::Awaitable<absl::Status> PostUpload(Context context);
http::Awaitable<absl::Status> GetUpload(Context context);
http::Awaitable<absl::Status> PatchUpload(Context context);
http::Awaitable<absl::Status> PutUpload(Context context);
http::Awaitable<absl::Status> DeleteUpload(Context context);

http::Awaitable<absl::Status> GetManifest(Context context);  // and HEAD
http::Awaitable<absl::Status> PutManifest(Context context);
http::Awaitable<absl::Status> DeleteManifest(Context context);

http::Awaitable<absl::Status> ListTags(Context context);
http::Awaitable<absl::Status> ListRepositories(Context context);
http::Awaitable<absl::Status> ListReferrers(Context context);

http::Awaitable<absl::Status> GetToken(Context context);
http::Awaitable<absl::Status> PostToken(Context context);

// Answers 401 with a challenge for basic credentials, or the status of another error.
http::Awaitable<absl::Status> RefuseToken(http::Exchange& exchange, const Route& route,
                                          absl::Status reason);

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_API_HANDLER_H_
