// Texts that `simple-registry help` prints.
#ifndef REGISTRY_APP_HELP_H_
#define REGISTRY_APP_HELP_H_

#include "absl/strings/string_view.h"

namespace registry::app {

// Help for a command, or for the whole program if "". Empty for an unknown command.
absl::string_view HelpText(absl::string_view command);

}  // namespace registry::app

#endif  // REGISTRY_APP_HELP_H_
