#include "gateway/http/trusted_proxies.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "oci/error.h"

namespace registry::gateway {
namespace {

namespace ip = boost::asio::ip;

constexpr int kV4Bits = 32;
constexpr int kV6Bits = 128;
// Of ::ffff:0:0/96, which holds the IPv4 addresses.
constexpr int kV4MappedBits = kV6Bits - kV4Bits;

// IPv4 addresses written as IPv6 become IPv4 ones; zones ("%eth0") are of no meaning elsewhere.
std::optional<ip::address> ParseAddress(absl::string_view text) {
  boost::system::error_code error;
  const ip::address address = ip::make_address(std::string(text), error);
  if (error) return std::nullopt;
  if (address.is_v4()) return address;
  ip::address_v6 v6 = address.to_v6();
  if (v6.is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, v6);
  v6.scope_id(0);
  return v6;
}

// "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80".
std::optional<ip::address> ParseEntry(absl::string_view entry) {
  absl::string_view port;
  if (absl::ConsumePrefix(&entry, "[")) {
    const size_t end = entry.find(']');
    if (end == absl::string_view::npos) return std::nullopt;
    port = entry.substr(end + 1);
    entry = entry.substr(0, end);
    if (!port.empty() && !absl::ConsumePrefix(&port, ":")) return std::nullopt;
  } else if (std::count(entry.begin(), entry.end(), ':') == 1) {
    port = entry.substr(entry.find(':') + 1);
    entry = entry.substr(0, entry.find(':'));
  }
  if (!std::all_of(port.begin(), port.end(), absl::ascii_isdigit)) return std::nullopt;
  return ParseAddress(entry);
}

}  // namespace

absl::StatusOr<TrustedProxies> TrustedProxies::Parse(absl::string_view list) {
  TrustedProxies proxies;
  for (absl::string_view part : absl::StrSplit(list, ',')) {
    part = absl::StripAsciiWhitespace(part);
    const size_t slash = part.find('/');
    const std::optional<ip::address> address = ParseAddress(part.substr(0, slash));
    const bool written_as_v6 = absl::StrContains(part, ':');
    int bits = written_as_v6 ? kV6Bits : kV4Bits;
    const int max_bits = bits;
    bool valid = address.has_value();
    if (slash != absl::string_view::npos) {
      valid = valid && absl::SimpleAtoi(part.substr(slash + 1), &bits) && bits >= 0;
    }
    if (valid && written_as_v6 && address->is_v4()) bits -= kV4MappedBits;
    if (!valid || bits < 0 || bits > max_bits) {
      return absl::InvalidArgumentError(
          absl::StrCat(oci::Quote(part),
                       " is neither an address nor a CIDR; give such as "
                       "10.0.0.0/8, 192.0.2.1 or fd00::/8, with commas between"));
    }
    if (address->is_v4()) {
      proxies.v4_.emplace_back(address->to_v4(), bits);
    } else {
      proxies.v6_.emplace_back(address->to_v6(), bits);
    }
  }
  return proxies;
}

bool TrustedProxies::Contains(const ip::address& address) const {
  const auto holds = [](const auto& networks, const auto& member) {
    return std::any_of(networks.begin(), networks.end(), [&](const auto& network) {
      const std::decay_t<decltype(network)> of_member(member, network.prefix_length());
      return of_member.network() == network.network();
    });
  };
  return address.is_v4() ? holds(v4_, address.to_v4()) : holds(v6_, address.to_v6());
}

std::string TrustedProxies::ClientAddress(
    absl::string_view peer, const std::vector<absl::string_view>& forwarded_for) const {
  std::optional<ip::address> client;
  if (!v4_.empty() || !v6_.empty()) client = ParseAddress(peer);
  if (!client || !Contains(*client)) return std::string(peer);
  for (auto line = forwarded_for.rbegin(); line != forwarded_for.rend(); ++line) {
    const std::vector<absl::string_view> entries = absl::StrSplit(*line, ',');
    for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
      const absl::string_view text = absl::StripAsciiWhitespace(*entry);
      // An empty element of a list is none (RFC 9110, 5.6.1).
      if (text.empty()) continue;
      const std::optional<ip::address> before = ParseEntry(text);
      if (!before) return client->to_string();
      client = before;
      if (!Contains(*client)) return client->to_string();
    }
  }
  return client->to_string();
}

}  // namespace registry::gateway
