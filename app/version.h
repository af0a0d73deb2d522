// The version of this build, for example "0.1.0".
#ifndef REGISTRY_APP_VERSION_H_
#define REGISTRY_APP_VERSION_H_

#include "absl/strings/string_view.h"

namespace registry::app {

absl::string_view Version();

}  // namespace registry::app

#endif  // REGISTRY_APP_VERSION_H_
