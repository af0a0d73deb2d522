// The control plane's clients for its storage nodes.
//
// Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_STORAGE_NODES_H_
#define REGISTRY_CONTROLPLANE_STORAGE_NODES_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/limits.h"
#include "controlplane/metadata/blobs.h"
#include "controlplane/storage/trash.h"
#include "oci/digest.h"
#include "registry/v1/storage.grpc.pb.h"

namespace registry::controlplane {

struct StorageNodeConnection {
  // Node.id of storage.proto: a UUID.
  std::string id;
  std::shared_ptr<grpc::ChannelInterface> channel;
};

class StorageNodes {
 public:
  // `deadline`: time limit for a node's answer.
  explicit StorageNodes(const std::vector<StorageNodeConnection>& connections,
                        std::chrono::milliseconds deadline = base::kStorageOrderDeadline);

  std::vector<std::string> ids() const;

  // Chooses the nodes for a new upload, the primary first: one node, round robin. Empty if there
  // are none.
  std::vector<std::string> ChooseForUpload();

  // The following do not block. They call `done` once, on a gRPC thread or on the caller's; it must
  // not block either. This object must live until then.

  // Asks the blob's nodes, one after another, until one has the finished bytes with the right size:
  // true. False: all nodes report that they have not. Error: that of a node that cannot tell,
  // usually UNAVAILABLE.
  void Check(const Blob& blob, const oci::Digest& digest,
             std::function<void(absl::StatusOr<bool> intact)> done);

  // Asks the node to verify and store the bytes of an upload; `done` gets their size. The returned
  // function cancels: `done` then gets CANCELLED, unless the node has already answered.
  // Errors: those of StorageService.Finish.
  std::function<void()> Finish(const std::string& node, const std::string& incarnation,
                               const oci::Digest& digest,
                               std::function<void(absl::StatusOr<int64_t> size_bytes)> done);

  // Returns a page of the node's unfinished incarnations; see storage.proto. Blocks.
  // Errors: those of Delete.
  absl::StatusOr<v1::ListResponse> ListUnfinished(const std::string& node,
                                                  const std::string& cursor);

  // Deletes the incarnation on the node. Blocks until the node has answered.
  // Errors: UNAVAILABLE or DEADLINE_EXCEEDED if the node cannot be reached; those of the node.
  absl::Status Delete(const TrashItem& item);

 private:
  class CheckCall;
  struct FinishCall;

  // nullptr if the node is not connected.
  v1::StorageService::Stub* FindStub(const std::string& id) const;

  const std::chrono::milliseconds deadline_;
  std::map<std::string, std::unique_ptr<v1::StorageService::Stub>> stubs_;
  std::atomic<size_t> turn_ = 0;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_STORAGE_NODES_H_
