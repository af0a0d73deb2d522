// Trusted proxies: derives the client's address from the headers of proxies.
//
//   absl::StatusOr<TrustedProxies> proxies = TrustedProxies::Parse("10.0.0.0/8,fd00::/8");
//   proxies->ClientAddress("10.0.0.1", {"203.0.113.5, 10.0.0.2"}, {});  // "203.0.113.5"
//
// Each proxy appends its peer's address to X-Forwarded-For or Forwarded (RFC 7239). So this class
// reads the list from the end, as far as trusted proxies wrote it; earlier entries may be forged.
// It ignores the headers from other peers. Thread-safe.
#ifndef REGISTRY_BASE_HTTP_TRUSTED_PROXIES_H_
#define REGISTRY_BASE_HTTP_TRUSTED_PROXIES_H_

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/http/message.h"

namespace registry::http {

class TrustedProxies {
 public:
  // Trusts nobody.
  TrustedProxies() = default;

  // `list`: addresses and CIDRs, IPv4 and IPv6, separated by commas. ::ffff:10.0.0.0/104 means
  // 10.0.0.0/8. Error: INVALID_ARGUMENT; it names the invalid entry.
  static absl::StatusOr<TrustedProxies> Parse(absl::string_view list);

  // Returns which headers of this peer count. Without a list, only X-Forwarded-Proto counts, from
  // any peer: it only changes the URL in the response to its sender, and a registry behind one
  // proxy that terminates TLS needs nothing else.
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
  // The last of `entries` that is not trusted; `client` if there are no entries.
  boost::asio::ip::address LastUntrusted(boost::asio::ip::address client,
                                         const std::vector<std::string>& entries) const;
  bool Contains(const boost::asio::ip::address& address) const;

  std::vector<boost::asio::ip::network_v4> v4_;
  std::vector<boost::asio::ip::network_v6> v6_;
};

}  // namespace registry::http

#endif  // REGISTRY_BASE_HTTP_TRUSTED_PROXIES_H_
