#include "controlplane/storage/node_registry.h"

namespace registry::controlplane {

NodeRegistry::NodeRegistry(const std::vector<StorageNodeConnection>& connections) {
  for (const StorageNodeConnection& connection : connections) {
    stubs_[connection.id] = v1::StorageService::NewStub(connection.channel);
  }
}

std::vector<std::string> NodeRegistry::ids() const {
  std::vector<std::string> ids;
  for (const auto& [id, stub] : stubs_) ids.push_back(id);
  return ids;
}

v1::StorageService::Stub* NodeRegistry::Find(const std::string& id) const {
  const auto found = stubs_.find(id);
  return found == stubs_.end() ? nullptr : found->second.get();
}

}  // namespace registry::controlplane
