// The data plane put together: one storage node on one data folder.
//
//   StorageNodeOptions options;
//   options.root = "/var/lib/simple-registry/blobs";
//   auto node = StorageNode::Open(options);
//   if (!node.ok()) return node.status();
//   grpc::ServerBuilder builder;
//   builder.RegisterService((*node)->service());
//
// Thread-safe. End the grpc::Server first, then the node. That no other process uses the same
// folder is for the caller to ensure.
#ifndef REGISTRY_DATAPLANE_STORAGE_NODE_H_
#define REGISTRY_DATAPLANE_STORAGE_NODE_H_

#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/service_type.h>

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/limits.h"

namespace registry::dataplane {

struct StorageNodeOptions {
  // The data folder; made when it is missing, in a folder that exists.
  std::string root;
  // Threads that move chunks. More than cores, since they wait for disks.
  size_t file_threads = 8;
  // Threads that close uploads: hash what is not hashed yet, and flush. Flushes that wait together
  // share the work of a journal commit.
  size_t finish_threads = 8;
  // Jobs that wait for a thread, of each kind.
  size_t max_queued_jobs = base::kFileQueue;
  // Uploads between two requests whose hash state is kept, 600 bytes each.
  size_t max_hash_states = 10'000;
};

class StorageNode {
 public:
  // Error: a sentence that names the folder or file and the reason.
  static absl::StatusOr<std::unique_ptr<StorageNode>> Open(StorageNodeOptions options);

  ~StorageNode();

  StorageNode(const StorageNode&) = delete;
  StorageNode& operator=(const StorageNode&) = delete;

  // Owned by the node.
  grpc::Service* service();

  // The UUID under which the control plane knows this node.
  const std::string& id() const;

  // Tells the server's health service when nothing can be written any more until a restart.
  // nullptr: no longer.
  void ReportHealth(grpc::HealthCheckServiceInterface* health);

 private:
  struct Parts;

  explicit StorageNode(std::unique_ptr<Parts> parts);

  const std::unique_ptr<Parts> parts_;
};

}  // namespace registry::dataplane

#endif  // REGISTRY_DATAPLANE_STORAGE_NODE_H_
