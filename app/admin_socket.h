// Names the admin API's socket in a data folder.
//
// Thread-safe.
#ifndef REGISTRY_APP_ADMIN_SOCKET_H_
#define REGISTRY_APP_ADMIN_SOCKET_H_

#include <string>

#include "absl/strings/string_view.h"

namespace registry::app {

// "data/admin.sock"
std::string AdminSocketPath(absl::string_view data_directory);

// Returns true if the path is short enough for a Unix socket.
bool FitsSocket(absl::string_view path);

// The socket as a gRPC target: a URI, with special characters percent-encoded.
std::string SocketTarget(absl::string_view path);

}  // namespace registry::app

#endif  // REGISTRY_APP_ADMIN_SOCKET_H_
