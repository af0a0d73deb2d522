// The control plane put together: its database, its services, its upkeep.
//
//   auto plane = ControlPlane::Open({.database_path = "data/metadata.db",
//                                    .policy = AdministratorOnly("admin", hash),
//                                    .storage_nodes = {{node_id, channel}}});
//   if (!plane.ok()) return plane.status();
//   grpc::ServerBuilder builder;
//   for (grpc::Service* service : (*plane)->services()) builder.RegisterService(service);
//   …
//   (*plane)->Shutdown();        // ends the policy streams, which otherwise last for ever
//   server->Shutdown(deadline);
//
// Thread-safe. End the grpc::Server first, then the plane, then the servers of the storage nodes.
#ifndef REGISTRY_CONTROLPLANE_CONTROL_PLANE_H_
#define REGISTRY_CONTROLPLANE_CONTROL_PLANE_H_

#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/limits.h"
#include "controlplane/policy_files.h"
#include "controlplane/storage_nodes.h"

namespace registry::controlplane {

struct ControlPlaneOptions {
  // An SQLite file; made if it is missing, in a folder that exists.
  std::string database_path;
  // Of files or flags: each object has an origin.
  PolicyObjects policy;
  // By user name: passwords of users whom `policy` gives no hash.
  std::map<std::string, std::string> passwords;
  // Reads the files again; empty when the policy is not of files. Thread-safe.
  std::function<absl::StatusOr<LoadedFiles>()> load_files;
  // What signs tokens is derived from it; empty: it is generated once and kept in the database.
  std::string token_secret;
  std::chrono::seconds token_lifetime{300};
  std::vector<StorageNodeConnection> storage_nodes;
  // A regular expression (RE2, unanchored): the repositories that may hold sparse manifests, which
  // reference what is not there. Empty: none.
  std::string sparse_repositories;
  // Threads that run SQL, and requests that wait for one.
  size_t sql_threads = base::kSqlThreads;
  size_t max_queued_requests = base::kSqlQueue;
};

class ControlPlane {
 public:
  // The storage nodes need not answer yet.
  // Errors: those of Database::Open, which name the file and the remedy; INVALID_ARGUMENT for a
  // policy that cannot be, a node id that is no UUID, or a malformed regular expression.
  static absl::StatusOr<std::unique_ptr<ControlPlane>> Open(ControlPlaneOptions options);

  ~ControlPlane();

  ControlPlane(const ControlPlane&) = delete;
  ControlPlane& operator=(const ControlPlane&) = delete;

  // For gateways. Owned by the plane.
  std::vector<grpc::Service*> services();
  // For administrators: whoever reaches it may do everything. Owned by the plane.
  grpc::Service* admin_service();

  // Reads the files again; from then on they decide, and requests under way go on with what was.
  // What is wrong is logged, and changes nothing. Blocks.
  void ReloadFiles();

  // Tells the server's health service when nothing can be written any more until a restart. Until
  // Shutdown.
  void ReportHealth(grpc::HealthCheckServiceInterface* health);

  // Ends the streams and the upkeep; other calls still work.
  void Shutdown();

 private:
  struct Parts;

  explicit ControlPlane(std::unique_ptr<Parts> parts);

  const std::unique_ptr<Parts> parts_;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_CONTROL_PLANE_H_
