// Configuration and access policy from YAML files, strictly: whatever the files hold that would
// have no effect is an error, because an access rule that is silently ignored is one nobody made.
//
//   absl::StatusOr<std::vector<SourceFile>> files = ReadFolders({"/etc/simple-registry"});
//   absl::StatusOr<LoadedFiles> loaded = ParseFiles(*files);
//
// Messages never show a secret: password hashes, passwords, token values, the token secret.
#ifndef REGISTRY_CONTROLPLANE_POLICY_FILES_H_
#define REGISTRY_CONTROLPLANE_POLICY_FILES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "controlplane/configuration_files.h"
#include "controlplane/policy_objects.h"

namespace registry::controlplane {

// What every document should begin with; no other is taken.
inline constexpr absl::string_view kApiVersion = "simple-registry.jlsalvador.online/v1beta1";

// Shorter values of tokens could be guessed.
inline constexpr size_t kMinTokenValueBytes = 16;

struct SourceFile {
  std::string path;
  std::string content;
};

// All *.yaml and *.yml in the folders, the extension in any case: folder by folder, in the order of
// the bytes of their names. Folders in them are left out.
//
// Error: INVALID_ARGUMENT that names what cannot be read or is beyond base/limits.h, or that there
// is no such file at all.
absl::StatusOr<std::vector<SourceFile>> ReadFolders(const std::vector<std::string>& folders);

struct LoadedFiles {
  PolicyObjects objects;
  Configuration configuration;
  std::vector<PullThroughCache> caches;
  // What is allowed but hardly meant, "FILE:LINE: FIELD: what".
  std::vector<std::string> warnings;
};

// Error: INVALID_ARGUMENT with everything that is wrong, "FILE:LINE: FIELD: what; remedy" a line
// (see yaml_reader.h).
absl::StatusOr<LoadedFiles> ParseFiles(absl::Span<const SourceFile> files);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_POLICY_FILES_H_
