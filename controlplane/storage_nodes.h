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
#include "base/limits.h"
#include "controlplane/trash.h"
#include "controlplane/uploads.h"
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

  // Asks the nodes of `copy`, one after the other, until one says that it has the bytes finished
  // and of that size, and tells `done` whether one did. Does not block; `done` is called once, by
  // a thread of gRPC, and must not block either. This object must live until then.
  void Examine(const LiveCopy& copy, const oci::Digest& digest, int64_t size_bytes,
               std::function<void(bool intact)> done);

  // Deletes what the node has of the incarnation. Blocks until it has answered.
  // Errors: UNAVAILABLE or DEADLINE_EXCEEDED when the node cannot be reached, and its own.
  absl::Status Delete(const TrashItem& item);

 private:
  class Examination;

  // nullptr for a node that is not connected.
  v1::StorageService::Stub* FindStub(const std::string& id) const;

  const std::chrono::milliseconds deadline_;
  std::map<std::string, std::unique_ptr<v1::StorageService::Stub>> stubs_;
  std::atomic<size_t> turn_ = 0;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_STORAGE_NODES_H_
