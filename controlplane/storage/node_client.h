// What the control plane asks storage nodes, and orders them.
//
// Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_STORAGE_NODE_CLIENT_H_
#define REGISTRY_CONTROLPLANE_STORAGE_NODE_CLIENT_H_

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/limits.h"
#include "controlplane/storage/node_registry.h"
#include "controlplane/storage/trash.h"
#include "oci/digest.h"
#include "registry/v1/storage.pb.h"

namespace registry::controlplane {

// One stored copy of a blob, or several.
struct StoredCopies {
  std::string incarnation;
  int64_t size_bytes = 0;
  // That should have it.
  std::vector<std::string> nodes;
};

class NodeClient {
 public:
  // The registry must outlive the calls. `deadline`: time limit for a node's answer.
  explicit NodeClient(const NodeRegistry& nodes,
                      std::chrono::milliseconds deadline = base::kStorageOrderDeadline)
      : nodes_(nodes), deadline_(deadline) {}

  // The following do not block. They call `done` once, on a gRPC thread or on the caller's; it must
  // not block either. The client itself need not live until then.

  // Asks the nodes, one after another, until one has the finished bytes with the right size:
  // true. False: all nodes report that they have not. Error: that of a node that cannot tell,
  // usually UNAVAILABLE.
  void Check(const StoredCopies& copies, const oci::Digest& digest,
             std::function<void(absl::StatusOr<bool> intact)> done) const;

  // Asks the node to verify and store the bytes of an upload; `done` gets their size. The returned
  // function cancels: `done` then gets CANCELLED, unless the node has already answered.
  // Errors: those of StorageService.Finish.
  std::function<void()> Finish(const std::string& node, const std::string& incarnation,
                               const oci::Digest& digest,
                               std::function<void(absl::StatusOr<int64_t> size_bytes)> done) const;

  // Returns a page of the node's unfinished incarnations; see storage.proto. Blocks.
  // Errors: those of Delete.
  absl::StatusOr<v1::ListResponse> ListUnfinished(const std::string& node,
                                                  const std::string& cursor) const;

  // Deletes the incarnation on the node. Blocks until the node has answered.
  // Errors: UNAVAILABLE or DEADLINE_EXCEEDED if the node cannot be reached; those of the node.
  absl::Status Delete(const TrashItem& item) const;

 private:
  class CheckCall;
  struct FinishCall;

  const NodeRegistry& nodes_;
  const std::chrono::milliseconds deadline_;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_STORAGE_NODE_CLIENT_H_
