// The data plane: one storage node on one data folder.
//
//   StorageNodeOptions options;
//   options.root = "/var/lib/simple-registry/blobs";
//   auto node = StorageNode::Open(options);
//   if (!node.ok()) return node.status();
//   grpc::ServerBuilder builder;
//   builder.RegisterService((*node)->service());
//
// Thread-safe. End the grpc::Server first, then the node. The caller must ensure that no other
// process uses the folder.
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
  // The data folder. Open creates it if missing; its parent must exist.
  std::string root;
  // Threads that move chunks. More than cores, because they wait for disks.
  size_t file_threads = 8;
  // Threads that close uploads: hash remaining bytes, and flush. Concurrent flushes share a journal
  // commit.
  size_t finish_threads = 8;
  // Jobs of each kind that may wait for a thread.
  size_t max_queued_jobs = base::kFileQueue;
  // Uploads whose hash state is kept between requests, 600 bytes each.
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

  // Tells the server's health service if the node accepts no writes until a restart. nullptr: stops
  // telling.
  void ReportHealth(grpc::HealthCheckServiceInterface* health);

 private:
  struct Parts;

  explicit StorageNode(std::unique_ptr<Parts> parts);

  const std::unique_ptr<Parts> parts_;
};

}  // namespace registry::dataplane

#endif  // REGISTRY_DATAPLANE_STORAGE_NODE_H_
