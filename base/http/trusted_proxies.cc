#include "base/http/trusted_proxies.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/http/forwarded.h"
#include "base/quote.h"

namespace registry::http {
namespace {

namespace ip = boost::asio::ip;

constexpr int kV4Bits = 32;
constexpr int kV6Bits = 128;
// Prefix length of ::ffff:0:0/96, which contains the IPv4 addresses.
constexpr int kV4MappedBits = kV6Bits - kV4Bits;

// Turns IPv4-mapped IPv6 addresses into IPv4 and drops zones ("%eth0"), which are local to a
// machine.
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

// The entries of X-Forwarded-For.
std::vector<std::string> ListedEntries(const std::vector<absl::string_view>& lines) {
  std::vector<std::string> entries;
  for (const absl::string_view line : lines) {
    for (const absl::string_view entry : absl::StrSplit(line, ',')) {
      const absl::string_view text = absl::StripAsciiWhitespace(entry);
      // Empty list elements do not count (RFC 9110, 5.6.1).
      if (!text.empty()) entries.emplace_back(text);
    }
  }
  return entries;
}

// The same of Forwarded. An empty entry, which is no address, stands for an element that names no
// client and for a malformed line.
std::vector<std::string> ForwardedEntries(const std::vector<absl::string_view>& lines) {
  std::vector<std::string> entries;
  for (const absl::string_view line : lines) {
    std::optional<std::vector<ForwardedElement>> elements = ParseForwarded(line);
    if (!elements) elements.emplace(1);
    for (ForwardedElement& element : *elements) entries.push_back(std::move(element.client));
  }
  return entries;
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
          absl::StrCat(base::Quote(part),
                       " is neither an address nor a CIDR; write for example "
                       "10.0.0.0/8, 192.0.2.1 or fd00::/8, separated by commas"));
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

ProxyTrust TrustedProxies::TrustIn(absl::string_view peer) const {
  if (v4_.empty() && v6_.empty()) return ProxyTrust::kScheme;
  const std::optional<ip::address> address = ParseAddress(peer);
  return address && Contains(*address) ? ProxyTrust::kAll : ProxyTrust::kNone;
}

ip::address TrustedProxies::LastUntrusted(ip::address client,
                                          const std::vector<std::string>& entries) const {
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    const std::optional<ip::address> before = ParseEntry(*entry);
    if (!before) return client;
    client = *before;
    if (!Contains(client)) return client;
  }
  return client;
}

std::string TrustedProxies::ClientAddress(absl::string_view peer,
                                          const std::vector<absl::string_view>& x_forwarded_for,
                                          const std::vector<absl::string_view>& forwarded) const {
  if (TrustIn(peer) != ProxyTrust::kAll) return std::string(peer);
  const ip::address proxy = *ParseAddress(peer);
  const std::vector<std::string> listed = ListedEntries(x_forwarded_for);
  const std::vector<std::string> elements = ForwardedEntries(forwarded);
  const ip::address client = LastUntrusted(proxy, listed.empty() ? elements : listed);
  const bool agree = listed.empty() || elements.empty() || LastUntrusted(proxy, elements) == client;
  return (agree ? client : proxy).to_string();
}

}  // namespace registry::http
