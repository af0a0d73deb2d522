// HTTP requests and responses for handlers.
//
// A Request belongs to its Exchange; views into it live as long. Not thread-safe: one coroutine.
// Source: RFC 9110, RFC 9112.
#ifndef REGISTRY_BASE_HTTP_MESSAGE_H_
#define REGISTRY_BASE_HTTP_MESSAGE_H_

#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace registry::http {

// The proxy headers that count if the peer sends them (trusted_proxies.h).
enum class ProxyTrust {
  kNone,
  // X-Forwarded-Proto.
  kScheme,
  // X-Forwarded-For, -Host, -Proto and Forwarded.
  kAll,
};

struct Request {
  boost::beast::http::request_header<> head;
  // The target, split at the question mark and still percent-encoded.
  absl::string_view path;
  absl::string_view query;
  // Absent for a chunked body.
  std::optional<uint64_t> content_length;
  bool has_body = false;
  // The client's IP address: the peer's, or the one from a trusted proxy (trusted_proxies.h).
  std::string client_address;
  ProxyTrust proxy_trust = ProxyTrust::kNone;
  // The connection uses TLS.
  bool secure = false;
  // For PublicUrl (public_url.h): the configured URL, if any, and, in a request without a Host
  // header, HOST:PORT that the connection came to.
  absl::string_view public_url;
  std::string local_address;

  absl::string_view method() const;
  // The header's value; empty if absent; the first of several.
  absl::string_view Header(absl::string_view name) const;
  // All of them, in order.
  std::vector<absl::string_view> HeaderLines(absl::string_view name) const;
  bool HasHeader(absl::string_view name) const;
  // Returns true if If-None-Match names this entity tag, given with quotes (RFC 9110, 13.1.2).
  bool IfNoneMatchHas(absl::string_view etag) const;
  // The entity tags in the header, as written: `"x"`, `W/"x"`, `*`.
  std::vector<std::string> EntityTags(absl::string_view header) const;
  // The decoded value of the query's first parameter of that name; nullopt if absent.
  std::optional<std::string> QueryParameter(absl::string_view name) const;
  // All of them, in order.
  std::vector<std::string> QueryParameters(absl::string_view name) const;
};

// The decoded values of the parameters of that name, in order, of a query or of a form
// (application/x-www-form-urlencoded).
std::vector<std::string> FormValues(absl::string_view form, absl::string_view name);

// Decodes %XX and, in a query, + as a space; nullopt if the percent-encoding is invalid. All other
// bytes stay as they are.
std::optional<std::string> PercentDecode(absl::string_view text, bool plus_is_space);

// Encodes everything but unreserved characters, for a value in a query.
std::string PercentEncode(absl::string_view text);

struct ResponseHead {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  // Absent: a chunked body.
  std::optional<uint64_t> content_length;

  ResponseHead& Set(absl::string_view name, absl::string_view value);
};

struct Response {
  ResponseHead head;
  // Its size is the Content-Length, unless `head` has one (responses to HEAD).
  std::string body;
};

}  // namespace registry::http

#endif  // REGISTRY_BASE_HTTP_MESSAGE_H_
