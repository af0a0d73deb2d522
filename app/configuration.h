// Merges the configuration of `serve`: its flags, and the YAML files of -cfgdir.
//
// A flag or variable wins over the same setting in a file.
#ifndef REGISTRY_APP_CONFIGURATION_H_
#define REGISTRY_APP_CONFIGURATION_H_

#include <chrono>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "app/compose.h"
#include "app/config/flags.h"
#include "base/limits.h"

namespace registry::app {

struct ServeConfiguration {
  RegistryOptions options;
  // Durations after SIGTERM, as in ServeFlags.
  std::chrono::seconds shutdown_delay{0};
  std::chrono::seconds drain_timeout = base::kDrainTimeout;
  // For the caller to log.
  std::vector<std::string> warnings;
};

// Error: a sentence, or one line per mistake in the files.
absl::StatusOr<ServeConfiguration> Configure(const ServeFlags& flags);

}  // namespace registry::app

#endif  // REGISTRY_APP_CONFIGURATION_H_
