// Reads configuration and access policy from YAML files, strictly: content without effect is an
// error, because a silently ignored access rule is dangerous.
//
//   absl::StatusOr<LoadedFiles> loaded = LoadFolders({"/etc/simple-registry"});
//
// Messages never show secrets: password hashes, passwords, token values, the token secret.
#ifndef REGISTRY_APP_CONFIG_FILES_H_
#define REGISTRY_APP_CONFIG_FILES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "app/config/configuration_files.h"
#include "controlplane/policy/objects.h"

namespace registry::app {

// The only apiVersion that documents may have.
inline constexpr absl::string_view kApiVersion = "simple-registry.jlsalvador.online/v1beta1";

struct SourceFile {
  std::string path;
  std::string content;
};

// Reads all *.yaml and *.yml files of the folders, in upper or lower case: folder by folder, sorted
// bytewise by name. Does not descend into subfolders.
//
// Error: INVALID_ARGUMENT; it names a file or folder that is unreadable or exceeds base/limits.h,
// or says that there are no such files.
absl::StatusOr<std::vector<SourceFile>> ReadFolders(const std::vector<std::string>& folders);

struct LoadedFiles {
  controlplane::PolicyObjects objects;
  Configuration configuration;
  std::vector<PullThroughCache> caches;
  // Valid but suspicious settings, "FILE:LINE: FIELD: what".
  std::vector<std::string> warnings;
};

// Error: INVALID_ARGUMENT with all mistakes, one per line: "FILE:LINE: FIELD: what; remedy" (see
// yaml_reader.h).
absl::StatusOr<LoadedFiles> ParseFiles(absl::Span<const SourceFile> files);

// ReadFolders, then ParseFiles. Errors: as above.
absl::StatusOr<LoadedFiles> LoadFolders(const std::vector<std::string>& folders);

}  // namespace registry::app

#endif  // REGISTRY_APP_CONFIG_FILES_H_
