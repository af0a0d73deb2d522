// Address to listen on: a host and a TCP port. Examples: "0.0.0.0:5000", ":5000", "[::1]:5000",
// "localhost:0".
//
// Thread-safe.
#ifndef REGISTRY_APP_CONFIG_HOST_PORT_H_
#define REGISTRY_APP_CONFIG_HOST_PORT_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace registry::app {

struct HostPort {
  // An IPv4 address, an IPv6 address without brackets, or a name; empty means every address.
  std::string host;
  // 0 lets the system choose a free port.
  uint16_t port = 0;

  // Error: INVALID_ARGUMENT; it says what is wrong and what to write.
  static absl::StatusOr<HostPort> Parse(absl::string_view text);

  std::string ToString() const;
  friend bool operator==(const HostPort&, const HostPort&) = default;
};

}  // namespace registry::app

#endif  // REGISTRY_APP_CONFIG_HOST_PORT_H_
