// What `serve` runs with: its flags, and the YAML files of -cfgdir.
//
// A flag or variable wins over the same setting in a file.
#ifndef REGISTRY_APP_CONFIGURATION_H_
#define REGISTRY_APP_CONFIGURATION_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "app/compose.h"
#include "app/flags.h"
#include "controlplane/policy_files.h"

namespace registry::app {

struct ServeConfiguration {
  RegistryOptions options;
  // To be logged.
  std::vector<std::string> warnings;
};

// Error: a sentence, or a line for each thing that is wrong in the files.
absl::StatusOr<ServeConfiguration> Configure(const ServeFlags& flags);

// Reads the files of the folders. Error: a line for each thing that is wrong.
absl::StatusOr<controlplane::LoadedFiles> LoadFolders(const std::vector<std::string>& folders);

// What `serve` refuses unless a flag helps: a certificate without its key, or a key without its
// certificate. Empty when there is nothing to say.
std::string HalfCertificate(const controlplane::Configuration& configuration);

}  // namespace registry::app

#endif  // REGISTRY_APP_CONFIGURATION_H_
