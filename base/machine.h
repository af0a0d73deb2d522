// Tells whether two processes mean the same file by the same path: they run on the same booted
// kernel and in the same mount namespace.
//
// Thread-safe. Source: proc(5), mount_namespaces(7).
#ifndef REGISTRY_BASE_MACHINE_H_
#define REGISTRY_BASE_MACHINE_H_

#include <string>

#include "absl/status/statusor.h"

namespace registry::base {

struct FileNamespace {
  std::string boot_id;
  std::string mount_namespace;

  friend bool operator==(const FileNamespace&, const FileNamespace&) = default;
};

// Returns this process's. Both members are set. Error: UNAVAILABLE, if /proc does not tell.
absl::StatusOr<FileNamespace> ReadFileNamespace();

}  // namespace registry::base

#endif  // REGISTRY_BASE_MACHINE_H_
