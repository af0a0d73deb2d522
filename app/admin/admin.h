// `simple-registry admin`: manages users, groups, roles, role bindings, tokens and more of a
// running registry through its admin API.
#ifndef REGISTRY_APP_ADMIN_ADMIN_H_
#define REGISTRY_APP_ADMIN_ADMIN_H_

#include "app/cli.h"

namespace registry::app::admin {

// `args` are the arguments after "admin". Uses the environment, input and outputs of `cli`.
// Returns the exit code.
int RunAdmin(const Cli& cli, absl::Span<const char* const> args);

}  // namespace registry::app::admin

#endif  // REGISTRY_APP_ADMIN_ADMIN_H_
