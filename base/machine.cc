#include "base/machine.h"

#include <unistd.h>

#include <fstream>

namespace registry::base {

absl::StatusOr<FileNamespace> ReadFileNamespace() {
  FileNamespace result;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> result.boot_id;
  if (result.boot_id.empty()) {
    return absl::UnavailableError("cannot read /proc/sys/kernel/random/boot_id: mount /proc");
  }
  char target[64];
  const ssize_t size = ::readlink("/proc/self/ns/mnt", target, sizeof target);
  if (size <= 0) return absl::UnavailableError("cannot read /proc/self/ns/mnt: mount /proc");
  result.mount_namespace.assign(target, static_cast<size_t>(size));
  return result;
}

}  // namespace registry::base
