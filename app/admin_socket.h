// The socket of the admin API in a data folder.
//
// Thread-safe.
#ifndef REGISTRY_APP_ADMIN_SOCKET_H_
#define REGISTRY_APP_ADMIN_SOCKET_H_

#include <string>

#include "absl/strings/string_view.h"

namespace registry::app {

// "data/admin.sock"
std::string AdminSocketPath(absl::string_view data_directory);

// Whether the system can have a socket of that path.
bool FitsSocket(absl::string_view path);

// How gRPC calls it: a URI, in which some characters stand for something else.
std::string SocketTarget(absl::string_view path);

}  // namespace registry::app

#endif  // REGISTRY_APP_ADMIN_SOCKET_H_
