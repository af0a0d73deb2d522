// Proxies that are believed when they say for whom they ask.
//
//   absl::StatusOr<TrustedProxies> proxies = TrustedProxies::Parse("10.0.0.0/8,fd00::/8");
//   proxies->ClientAddress("10.0.0.1", {"203.0.113.5, 10.0.0.2"});  // "203.0.113.5"
//
// Each proxy appends to X-Forwarded-For whom it was asked by. So the list is read from its end, as
// long as it was written by proxies that are trusted; what stands before may be anybody's
// invention. From any other peer the header is ignored. Thread-safe.
#ifndef REGISTRY_GATEWAY_HTTP_TRUSTED_PROXIES_H_
#define REGISTRY_GATEWAY_HTTP_TRUSTED_PROXIES_H_

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace registry::gateway {

class TrustedProxies {
 public:
  // Nobody.
  TrustedProxies() = default;

  // `list`: addresses and CIDRs, IPv4 and IPv6, with commas between. ::ffff:10.0.0.0/104 is
  // 10.0.0.0/8. Error: INVALID_ARGUMENT that names what is neither.
  static absl::StatusOr<TrustedProxies> Parse(absl::string_view list);

  // Who asks: `peer`, or, when that is trusted, the last address of X-Forwarded-For that is not;
  // the first one if all are. `forwarded_for` are the header's lines in order. Entries may have
  // ports. What is no address ends the search: then it is the proxy that received it.
  std::string ClientAddress(absl::string_view peer,
                            const std::vector<absl::string_view>& forwarded_for) const;

 private:
  bool Contains(const boost::asio::ip::address& address) const;

  std::vector<boost::asio::ip::network_v4> v4_;
  std::vector<boost::asio::ip::network_v6> v6_;
};

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_HTTP_TRUSTED_PROXIES_H_
