#include "app/version.h"

namespace registry::app {

absl::string_view Version() { return REGISTRY_VERSION; }

}  // namespace registry::app
