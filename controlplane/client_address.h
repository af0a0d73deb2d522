// Client addresses as limits count them.
//
//   AddressGroup("192.0.2.7");       // "192.0.2.7"
//   AddressGroup("2001:db8::1:2");   // "2001:db8::/64"
//
// Who has one IPv6 address has its whole /64, and could take another one for each request.
// Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_CLIENT_ADDRESS_H_
#define REGISTRY_CONTROLPLANE_CLIENT_ADDRESS_H_

#include <string>

#include "absl/strings/string_view.h"

namespace registry::controlplane {

// An IPv4 address as it is, also where it is written as IPv6 (::ffff:192.0.2.7); the /64 of an IPv6
// address; any other text as it is.
std::string AddressGroup(absl::string_view address);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_CLIENT_ADDRESS_H_
