// `simple-registry admin`: users, groups, roles, role bindings, tokens and more of a running
// registry, through its admin API.
#ifndef REGISTRY_APP_ADMIN_ADMIN_H_
#define REGISTRY_APP_ADMIN_ADMIN_H_

#include "app/cli.h"

namespace registry::app::admin {

// `args` is what follows "admin"; of `cli` it uses the environment, the input and the outputs.
// Returns the exit code.
int RunAdmin(const Cli& cli, absl::Span<const char* const> args);

}  // namespace registry::app::admin

#endif  // REGISTRY_APP_ADMIN_ADMIN_H_
