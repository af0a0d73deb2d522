// Groups client addresses for rate limits.
//
//   AddressGroup("192.0.2.7");       // "192.0.2.7"
//   AddressGroup("2001:db8::1:2");   // "2001:db8::/64"
//
// A client with one IPv6 address usually has its whole /64, and could use another address for each
// request. Thread-safe.
#ifndef REGISTRY_BASE_CLIENT_ADDRESS_H_
#define REGISTRY_BASE_CLIENT_ADDRESS_H_

#include <string>

#include "absl/strings/string_view.h"

namespace registry::base {

// Returns the IPv4 address, also for its IPv6 form (::ffff:192.0.2.7); for other IPv6 addresses
// their /64; any other text unchanged.
std::string AddressGroup(absl::string_view address);

}  // namespace registry::base

#endif  // REGISTRY_BASE_CLIENT_ADDRESS_H_
