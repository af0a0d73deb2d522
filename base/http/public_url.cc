#include "base/http/public_url.h"

#include <algorithm>
#include <boost/url/authority_view.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/http/forwarded.h"
#include "base/http/request_parser.h"
#include "base/quote.h"

namespace registry::http {
namespace {

namespace urls = boost::urls;

constexpr absl::string_view kWanted = "; expected https://HOST[:PORT] or http://HOST[:PORT]";

// Boost.URL 1.81 accepts even 99999 as a port.
bool IsPort(absl::string_view text) {
  uint32_t port = 0;
  return absl::SimpleAtoi(text, &port) && port >= 1 && port <= 65535;
}

// Returns true for HOST[:PORT] in characters that a Host header and a quoted realm may contain.
bool IsHost(absl::string_view text) {
  const auto is_plain = [](char c) { return IsHostCharacter(c) && c != '%'; };
  if (!std::all_of(text.begin(), text.end(), is_plain)) return false;
  const auto authority = urls::parse_authority({text.data(), text.size()});
  if (authority.has_error() || authority->has_userinfo() || authority->host().empty()) return false;
  return !authority->has_port() || IsPort({authority->port().data(), authority->port().size()});
}

// "http", "https", or empty for anything else.
absl::string_view Scheme(absl::string_view text) {
  for (const absl::string_view scheme : {"https", "http"}) {
    if (absl::EqualsIgnoreCase(text, scheme)) return scheme;
  }
  return "";
}

absl::string_view FirstOfList(absl::string_view header) {
  return absl::StripAsciiWhitespace(header.substr(0, header.find(',')));
}

// The element of the Forwarded header from the proxy that saw the client.
ForwardedElement FirstForwarded(const Request& request) {
  std::optional<std::vector<ForwardedElement>> elements =
      ParseForwarded(request.Header("Forwarded"));
  if (!elements || elements->empty()) return {};
  return std::move(elements->front());
}

std::string HostOf(const Request& request, const ForwardedElement& forwarded) {
  if (request.proxy_trust == ProxyTrust::kAll) {
    if (IsHost(forwarded.host)) return forwarded.host;
    const absl::string_view host = FirstOfList(request.Header("X-Forwarded-Host"));
    if (IsHost(host)) return std::string(host);
  }
  const absl::string_view host = request.Header("Host");
  return host.empty() ? request.local_address : std::string(host);
}

absl::string_view SchemeOf(const Request& request, const ForwardedElement& forwarded) {
  absl::string_view scheme = Scheme(forwarded.proto);
  if (scheme.empty() && request.proxy_trust != ProxyTrust::kNone) {
    scheme = Scheme(FirstOfList(request.Header("X-Forwarded-Proto")));
  }
  if (!scheme.empty()) return scheme;
  return request.secure ? "https" : "http";
}

}  // namespace

absl::StatusOr<std::string> ParsePublicUrl(absl::string_view text) {
  // Do not show it: there may be a password before the @.
  if (absl::StrContains(text, '@')) {
    return absl::InvalidArgumentError(
        absl::StrCat("the URL contains a user name or an @", kWanted));
  }
  const auto wrong = [&](absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat(base::Quote(text), " ", why, kWanted));
  };
  const auto url = urls::parse_uri({text.data(), text.size()});
  if (url.has_error() || !url->has_authority()) return wrong("is not an absolute URL");
  const absl::string_view scheme = Scheme({url->scheme().data(), url->scheme().size()});
  if (scheme.empty()) return wrong("is neither an https nor an http URL");
  const urls::string_view authority = url->encoded_authority();
  if (!IsHost({authority.data(), authority.size()})) return wrong("has no valid host and port");
  if (url->has_query() || url->has_fragment()) return wrong("has a query or a fragment");
  if (!url->encoded_path().empty() && url->encoded_path() != "/") {
    return wrong("has a path, but clients look for a registry at /v2/ of a host, never below one");
  }
  return absl::StrCat(scheme, "://", absl::string_view(authority.data(), authority.size()));
}

std::string PublicUrl(const Request& request) {
  if (!request.public_url.empty()) return std::string(request.public_url);
  ForwardedElement forwarded;
  if (request.proxy_trust == ProxyTrust::kAll) forwarded = FirstForwarded(request);
  std::string host = HostOf(request, forwarded);
  std::replace_if(
      host.begin(), host.end(), [](char c) { return c == '"' || c == '\\'; }, '_');
  return absl::StrCat(SchemeOf(request, forwarded), "://", host);
}

}  // namespace registry::http
