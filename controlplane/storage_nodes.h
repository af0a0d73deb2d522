// The storage nodes that this control plane gives orders to.
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
#include "controlplane/blobs.h"
#include "controlplane/trash.h"
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
  // `deadline`: how long a node may take to answer.
  explicit StorageNodes(const std::vector<StorageNodeConnection>& connections,
                        std::chrono::milliseconds deadline = base::kStorageOrderDeadline);

  std::vector<std::string> ids() const;

  // The nodes that should take the bytes of a new upload, the primary first: one, in turn. Empty
  // when there are none.
  std::vector<std::string> ChooseForUpload();

  // What follows does not block. `done` is called once, by a thread of gRPC or by the caller's, and
  // must not block either. This object must live until then.

  // Asks the blob's nodes, one after the other, until one says that it has the bytes finished and
  // of the right size: true. False: all of them say that they have not. Errors: that of a node that
  // cannot tell, UNAVAILABLE as a rule.
  void Check(const Blob& blob, const oci::Digest& digest,
             std::function<void(absl::StatusOr<bool> intact)> done);

  // Has the node verify and store the bytes of an upload; returns their size. The function returned
  // gives up early: `done` then gets CANCELLED, unless the node has answered.
  // Errors: those of StorageService.Finish.
  std::function<void()> Finish(const std::string& node, const std::string& incarnation,
                               const oci::Digest& digest,
                               std::function<void(absl::StatusOr<int64_t> size_bytes)> done);

  // A page of the node's unfinished incarnations, as storage.proto says. Blocks.
  // Errors: as for Delete.
  absl::StatusOr<v1::ListResponse> ListUnfinished(const std::string& node,
                                                  const std::string& cursor);

  // Deletes what the node has of the incarnation. Blocks until it has answered.
  // Errors: UNAVAILABLE or DEADLINE_EXCEEDED when the node cannot be reached, and its own.
  absl::Status Delete(const TrashItem& item);

 private:
  class CheckCall;
  struct FinishCall;

  // nullptr for a node that is not connected.
  v1::StorageService::Stub* FindStub(const std::string& id) const;

  const std::chrono::milliseconds deadline_;
  std::map<std::string, std::unique_ptr<v1::StorageService::Stub>> stubs_;
  std::atomic<size_t> turn_ = 0;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_STORAGE_NODES_H_
