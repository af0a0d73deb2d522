#include "base/client_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace registry::base {

std::string AddressGroup(absl::string_view address) {
  // Drops the zone of "fe80::1%eth0".
  const std::string text(address.substr(0, address.find('%')));
  in6_addr ip = {};
  if (::inet_pton(AF_INET6, text.c_str(), &ip) != 1) return std::string(address);
  char group[INET6_ADDRSTRLEN] = "";
  if (IN6_IS_ADDR_V4MAPPED(&ip)) {
    ::inet_ntop(AF_INET, &ip.s6_addr[12], group, sizeof group);
    return group;
  }
  std::fill(std::begin(ip.s6_addr) + 8, std::end(ip.s6_addr), uint8_t{0});
  ::inet_ntop(AF_INET6, &ip, group, sizeof group);
  return absl::StrCat(group, "/64");
}

}  // namespace registry::base
