// Decides where the bytes of a new upload go.
//
// Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_STORAGE_PLACEMENT_H_
#define REGISTRY_CONTROLPLANE_STORAGE_PLACEMENT_H_

#include <atomic>
#include <string>
#include <vector>

#include "controlplane/storage/node_registry.h"

namespace registry::controlplane {

class Placement {
 public:
  // The registry must outlive it.
  explicit Placement(const NodeRegistry& nodes) : nodes_(nodes) {}

  // The nodes for a new upload, the primary first: one node, round robin. Empty if there are none.
  std::vector<std::string> ChooseForUpload() {
    const std::vector<std::string> ids = nodes_.ids();
    if (ids.empty()) return {};
    return {ids[turn_.fetch_add(1) % ids.size()]};
  }

 private:
  const NodeRegistry& nodes_;
  std::atomic<size_t> turn_ = 0;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_STORAGE_PLACEMENT_H_
