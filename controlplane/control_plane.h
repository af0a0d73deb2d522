// The control plane: its database, its services and its upkeep.
//
//   auto plane = ControlPlane::Open({.database = "data/metadata.db",
//                                    .policy = {.objects = AdministratorOnly("admin", hash)},
//                                    .storage_nodes = {{node_id, channel}}});
//   if (!plane.ok()) return plane.status();
//   grpc::ServerBuilder builder;
//   for (grpc::Service* service : (*plane)->services()) builder.RegisterService(service);
//   …
//   (*plane)->Shutdown();        // ends the policy streams, which otherwise never end
//   server->Shutdown(deadline);
//
// Thread-safe. End the grpc::Server first, then the plane, then the servers of the storage nodes.
#ifndef REGISTRY_CONTROLPLANE_CONTROL_PLANE_H_
#define REGISTRY_CONTROLPLANE_CONTROL_PLANE_H_

#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/limits.h"
#include "controlplane/metadata/upload_room.h"
#include "controlplane/policy/objects.h"
#include "controlplane/storage/node_registry.h"

namespace registry::controlplane {

struct ControlPlaneOptions {
  // postgresql://…, or the path of an SQLite file, which Open creates if missing; its folder must
  // exist.
  std::string database;
  // The caller logs its warnings.
  ConfiguredPolicy policy;
  // Reads the configured policy again; must be set. Errors: INVALID_ARGUMENT with the mistakes, one
  // per line; NothingToReload (policy/error.h). Thread-safe.
  std::function<absl::StatusOr<ConfiguredPolicy>()> load_policy;
  // The key that signs tokens is derived from it. If empty, the plane generates a key once and
  // keeps it in the database.
  std::string token_secret;
  std::chrono::seconds token_lifetime{300};
  std::vector<StorageNodeConnection> storage_nodes;
  // A regular expression (RE2, unanchored) for repositories that may hold sparse manifests, which
  // reference missing content. Empty: none.
  std::string sparse_repositories;
  // Limits on the bytes of unfinished uploads.
  UploadLimits upload_limits;
  // Threads that read by SQL, and requests that may wait for one; connections to PostgreSQL.
  size_t sql_threads = base::kSqlThreads;
  size_t max_queued_requests = base::kSqlQueue;
};

class ControlPlane {
 public:
  // The storage nodes need not answer yet.
  // Errors: those of Database::Open, which name the file and the remedy; INVALID_ARGUMENT for an
  // invalid policy, a node id that is not a UUID, or a malformed regular expression.
  static absl::StatusOr<std::unique_ptr<ControlPlane>> Open(ControlPlaneOptions options);

  ~ControlPlane();

  ControlPlane(const ControlPlane&) = delete;
  ControlPlane& operator=(const ControlPlane&) = delete;

  // For gateways. Owned by the plane.
  std::vector<grpc::Service*> services();
  // For administrators: its callers may do everything. Owned by the plane.
  grpc::Service* admin_service();

  // Reads the configured policy again and applies it to new requests; requests in progress keep the
  // previous policy. Logs the result. Errors: those of load_policy, which change nothing. Blocks.
  absl::Status ReloadPolicy();

  // Signs tokens with a key derived from `secret`; tokens of the previous key end at once. Blocks.
  // Errors: those of the database, which stores the revision that gateways watch.
  absl::Status UseTokenSecret(const std::string& secret);

  // Until Shutdown: tells the server's health service if the database accepts no writes until a
  // restart.
  void ReportHealth(grpc::HealthCheckServiceInterface* health);

  // Ends the streams and the upkeep. Other calls still work.
  void Shutdown();

 private:
  struct Parts;

  explicit ControlPlane(std::unique_ptr<Parts> parts);

  const std::unique_ptr<Parts> parts_;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_CONTROL_PLANE_H_
