// `simple-registry serve`: a whole registry in one process, until SIGTERM or SIGINT.
#ifndef REGISTRY_APP_SERVE_H_
#define REGISTRY_APP_SERVE_H_

#include "app/flags.h"

namespace registry::app {

// Returns the process's exit code: 0 after a clean stop, 1 when it could not start (the reason is
// on standard error). Blocks the signals it waits for in every thread: call it from the main thread
// before there are others.
int Serve(const ServeFlags& flags);

}  // namespace registry::app

#endif  // REGISTRY_APP_SERVE_H_
