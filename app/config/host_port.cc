#include "app/config/host_port.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace registry::app {
namespace {

absl::Status Invalid(absl::string_view why) { return absl::InvalidArgumentError(why); }

bool IsHostName(absl::string_view host) {
  return std::all_of(host.begin(), host.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '.' || c == '-' || c == '_';
  });
}

bool IsIpv6(absl::string_view host) {
  const absl::string_view address = host.substr(0, host.find('%'));
  return absl::StrContains(address, ':') &&
         std::all_of(address.begin(), address.end(), [](unsigned char c) {
           return absl::ascii_isxdigit(c) || c == ':' || c == '.';
         });
}

}  // namespace

absl::StatusOr<HostPort> HostPort::Parse(absl::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos) {
    return Invalid("the port is missing; write HOST:PORT, for example 0.0.0.0:5000 or :5000");
  }
  absl::string_view host = text.substr(0, colon);
  const absl::string_view port_text = text.substr(colon + 1);
  if (absl::StartsWith(host, "[") && absl::EndsWith(host, "]")) {
    host = host.substr(1, host.size() - 2);
    if (!IsIpv6(host)) return Invalid("the text in brackets must be an IPv6 address");
  } else if (absl::StrContains(host, ':')) {
    return Invalid("an IPv6 address needs brackets and a port, for example [::1]:5000");
  } else if (!IsHostName(host)) {
    return Invalid("the host must be an address or a name, without a scheme, path or spaces");
  }
  uint32_t port = 0;
  const bool digits =
      !port_text.empty() && std::all_of(port_text.begin(), port_text.end(), absl::ascii_isdigit);
  if (!digits || !absl::SimpleAtoi(port_text, &port) || port > 65535) {
    return Invalid("the port must be a number from 0 to 65535");
  }
  return HostPort{.host = std::string(host), .port = static_cast<uint16_t>(port)};
}

std::string HostPort::ToString() const {
  return absl::StrContains(host, ':') ? absl::StrCat("[", host, "]:", port)
                                      : absl::StrCat(host, ":", port);
}

}  // namespace registry::app
