// Finds the registry's URL as its clients see it.
//
// Clients follow the realm of a challenge, which must be an absolute URL. The first of these
// counts: the configured public URL; Forwarded, X-Forwarded-Host and X-Forwarded-Proto of a trusted
// proxy; the Host header; without one (HTTP/1.0), the local address of the connection.
// Thread-safe. Source: RFC 7239; RFC 9110, section 7.2.
#ifndef REGISTRY_BASE_HTTP_PUBLIC_URL_H_
#define REGISTRY_BASE_HTTP_PUBLIC_URL_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/http/message.h"

namespace registry::http {

// Checks a configured public URL, "http(s)://HOST[:PORT]", and returns it without a slash at its
// end. Error: INVALID_ARGUMENT with the reason, and the text unless it may contain a password.
absl::StatusOr<std::string> ParsePublicUrl(absl::string_view text);

// Returns the registry's URL for the sender of `request`, such as "https://registry.example.com",
// without quotes or backslashes. Ignores malformed values from proxies. Takes the first element of
// a list, because that proxy saw the client.
std::string PublicUrl(const Request& request);

}  // namespace registry::http

#endif  // REGISTRY_BASE_HTTP_PUBLIC_URL_H_
