#include "base/http/request_parser.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/quote.h"

namespace registry::http {
namespace {

// Removes the scheme and authority that requests to proxies have (RFC 9112, 3.2.2).
absl::string_view OriginForm(absl::string_view target) {
  for (const absl::string_view scheme : {"http://", "https://"}) {
    if (!absl::StartsWithIgnoreCase(target, scheme)) continue;
    const size_t path = target.find_first_of("/?", scheme.size());
    return path == absl::string_view::npos ? absl::string_view("/") : target.substr(path);
  }
  return target;
}

std::optional<Refusal> CheckHost(const Request& request) {
  const size_t count = request.head.count(boost::beast::http::field::host);
  if (count > 1 || (count == 0 && request.head.version() >= 11)) {
    return Refusal{400, "malformed HTTP request: HTTP/1.1 requires one Host header"};
  }
  const absl::string_view host = request.Header("Host");
  if (std::all_of(host.begin(), host.end(), IsHostCharacter)) return std::nullopt;
  return Refusal{400, absl::StrCat("malformed HTTP request: Host ", base::Quote(host),
                                   " is neither a name nor an address")};
}

// Beast knows only `chunked` and ignores other codings: server and client would disagree on where
// the next request begins.
std::optional<Refusal> CheckTransferEncoding(const RequestParser& parser, const Request& request) {
  const size_t count = request.head.count(boost::beast::http::field::transfer_encoding);
  if (count == 0) return std::nullopt;
  if (request.head.version() < 11) {
    return Refusal{400, "malformed HTTP request: HTTP/1.0 has no Transfer-Encoding"};
  }
  if (!parser.chunked() || request.content_length) {
    return Refusal{400, "malformed HTTP request: its Transfer-Encoding does not define its end"};
  }
  if (count > 1 || !absl::EqualsIgnoreCase(request.Header("Transfer-Encoding"), "chunked")) {
    return Refusal{
        501, absl::StrCat("Transfer-Encoding ", base::Quote(request.Header("Transfer-Encoding")),
                          " is not supported: use chunked")};
  }
  return std::nullopt;
}

}  // namespace

bool IsHostCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         absl::string_view("-._~:[]%").find(c) != absl::string_view::npos;
}

void SetLimits(RequestParser& parser, size_t max_header_bytes) {
  parser.header_limit(static_cast<uint32_t>(max_header_bytes));
  parser.body_limit(boost::none);
}

void TakeRequest(RequestParser& parser, Request& request) {
  request.content_length.reset();
  const auto length = parser.content_length();
  if (length) request.content_length = *length;
  request.has_body = parser.chunked() || (length && *length > 0);
  request.head = std::move(parser.get().base());
  const auto target = request.head.target();
  const absl::string_view text = OriginForm({target.data(), target.size()});
  const size_t question = text.find('?');
  request.path = text.substr(0, question);
  request.query =
      question == absl::string_view::npos ? absl::string_view() : text.substr(question + 1);
}

size_t HeaderMemoryOf(const Request& request) {
  // Beast allocates each field separately.
  constexpr size_t kFieldBytes = 96;
  size_t bytes = request.head.target().size();
  for (const auto& field : request.head) {
    bytes += field.name_string().size() + field.value().size() + kFieldBytes;
  }
  return bytes;
}

std::optional<Refusal> CheckHeader(const RequestParser& parser, const Request& request) {
  const auto fields = std::distance(request.head.begin(), request.head.end());
  if (fields > static_cast<ptrdiff_t>(base::kMaxHeaderFields)) {
    return Refusal{431, absl::StrCat("the request has ", fields, " header fields; at most ",
                                     base::kMaxHeaderFields, " are accepted")};
  }
  if (std::optional<Refusal> refusal = CheckHost(request)) return refusal;
  if (std::optional<Refusal> refusal = CheckTransferEncoding(parser, request)) return refusal;
  const absl::string_view expect = request.Header("Expect");
  if (!expect.empty() && !absl::EqualsIgnoreCase(expect, "100-continue")) {
    return Refusal{
        417, absl::StrCat("Expect ", base::Quote(expect), " is not supported: use 100-continue")};
  }
  return std::nullopt;
}

}  // namespace registry::http
