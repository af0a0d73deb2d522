// `simple-registry serve`: a whole registry in one process, until SIGTERM or SIGINT.
#ifndef REGISTRY_APP_SERVE_H_
#define REGISTRY_APP_SERVE_H_

#include "app/config/flags.h"

namespace registry::app {

// Returns the process's exit code: 0 after a clean stop, 1 if the registry cannot start (the reason
// is on standard error). Blocks the signals that it waits for in every thread: call it from the
// main thread before starting others.
int Serve(const ServeFlags& flags);

}  // namespace registry::app

#endif  // REGISTRY_APP_SERVE_H_
