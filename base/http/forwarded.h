// Parses the Forwarded header of proxies.
//
//   ParseForwarded("for=192.0.2.7;proto=https, for=\"[2001:db8::1]:4711\"");
//
// Thread-safe. Source: RFC 7239, section 4.
#ifndef REGISTRY_BASE_HTTP_FORWARDED_H_
#define REGISTRY_BASE_HTTP_FORWARDED_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace registry::http {

// One proxy's part of the header. Fields have no quotes, and are empty if the proxy omits them.
struct ForwardedElement {
  // Parameter "for": the address that the proxy got the request from.
  std::string client;
  // The Host header and the scheme of that request.
  std::string host;
  std::string proto;
};

// Returns the elements of one header line in order, one for each proxy, without other parameters.
// Returns nullopt for a malformed line, because the ends of its elements are unclear.
std::optional<std::vector<ForwardedElement>> ParseForwarded(absl::string_view line);

}  // namespace registry::http

#endif  // REGISTRY_BASE_HTTP_FORWARDED_H_
