// The proxies whose word counts on who their clients are.
//
//   absl::StatusOr<TrustedProxies> proxies = TrustedProxies::Parse("10.0.0.0/8,fd00::/8");
//   proxies->ClientAddress("10.0.0.1", {"203.0.113.5, 10.0.0.2"}, {});  // "203.0.113.5"
//
// Each proxy appends to X-Forwarded-For, or to Forwarded (RFC 7239), who asked it. So the list is
// read from its end, as long as trusted proxies wrote it; clients may have invented what stands
// before. From any other peer the headers are ignored. Thread-safe.
#ifndef REGISTRY_GATEWAY_HTTP_TRUSTED_PROXIES_H_
#define REGISTRY_GATEWAY_HTTP_TRUSTED_PROXIES_H_

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gateway/http/message.h"

namespace registry::gateway {

class TrustedProxies {
 public:
  // Nobody.
  TrustedProxies() = default;

  // `list`: addresses and CIDRs, IPv4 and IPv6, with commas between. ::ffff:10.0.0.0/104 is
  // 10.0.0.0/8. Error: INVALID_ARGUMENT that names what is neither.
  static absl::StatusOr<TrustedProxies> Parse(absl::string_view list);

  // Tells which headers of this peer count. Without a list, X-Forwarded-Proto alone counts, from
  // everybody: it only changes the URL in the answer to its sender, and a registry behind one proxy
  // that ends TLS needs nothing else.
  ProxyTrust TrustIn(absl::string_view peer) const;

  // Returns the client's address: `peer`, or, if that is trusted, the last address of
  // X-Forwarded-For or Forwarded that is not; the first address if all are. Both arguments are the
  // header's lines in order. Entries may have ports. At an entry that is not an address the search
  // ends with the proxy that added it. If the two headers contradict each other, the proxy did not
  // write one of them, and the result is `peer`.
  std::string ClientAddress(absl::string_view peer,
                            const std::vector<absl::string_view>& x_forwarded_for,
                            const std::vector<absl::string_view>& forwarded) const;

 private:
  // The last of `entries` that is not trusted, and `client` without entries.
  boost::asio::ip::address LastUntrusted(boost::asio::ip::address client,
                                         const std::vector<std::string>& entries) const;
  bool Contains(const boost::asio::ip::address& address) const;

  std::vector<boost::asio::ip::network_v4> v4_;
  std::vector<boost::asio::ip::network_v6> v6_;
};

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_HTTP_TRUSTED_PROXIES_H_
