#include "app/admin_socket.h"

#include <sys/un.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace registry::app {

std::string AdminSocketPath(absl::string_view data_directory) {
  return absl::StrCat(data_directory, "/admin.sock");
}

bool FitsSocket(absl::string_view path) { return path.size() < sizeof(sockaddr_un{}.sun_path); }

std::string SocketTarget(absl::string_view path) {
  return absl::StrCat("unix:",
                      absl::StrReplaceAll(path, {{"%", "%25"}, {"?", "%3F"}, {"#", "%23"}}));
}

}  // namespace registry::app
