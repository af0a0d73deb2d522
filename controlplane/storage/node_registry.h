// The storage nodes that this control plane knows, and how to reach them.
//
// Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_STORAGE_NODE_REGISTRY_H_
#define REGISTRY_CONTROLPLANE_STORAGE_NODE_REGISTRY_H_

#include <grpcpp/grpcpp.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "registry/v1/storage.grpc.pb.h"

namespace registry::controlplane {

struct StorageNodeConnection {
  // Node.id of storage.proto: a UUID.
  std::string id;
  std::shared_ptr<grpc::ChannelInterface> channel;
};

class NodeRegistry {
 public:
  explicit NodeRegistry(const std::vector<StorageNodeConnection>& connections);

  // In their order.
  std::vector<std::string> ids() const;

  // nullptr if the node is not connected. Lives as long as the registry.
  v1::StorageService::Stub* Find(const std::string& id) const;

 private:
  std::map<std::string, std::unique_ptr<v1::StorageService::Stub>> stubs_;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_STORAGE_NODE_REGISTRY_H_
