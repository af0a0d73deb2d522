#include "gateway/http/request_parser.h"

#include "absl/strings/match.h"

namespace registry::gateway {

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
  const absl::string_view text(target.data(), target.size());
  const size_t question = text.find('?');
  request.path = text.substr(0, question);
  request.query =
      question == absl::string_view::npos ? absl::string_view() : text.substr(question + 1);
}

std::optional<Refusal> CheckTransferEncoding(const RequestParser& parser, const Request& request) {
  const size_t count = request.head.count(boost::beast::http::field::transfer_encoding);
  if (count == 0) return std::nullopt;
  if (request.head.version() < 11) {
    return Refusal{400, "malformed HTTP request: HTTP/1.0 has no Transfer-Encoding"};
  }
  if (!parser.chunked() || request.content_length) {
    return Refusal{400,
                   "malformed HTTP request: its Transfer-Encoding does not tell where it ends"};
  }
  if (count > 1 || !absl::EqualsIgnoreCase(request.Header("Transfer-Encoding"), "chunked")) {
    return Refusal{501, "the only transfer coding supported is chunked"};
  }
  return std::nullopt;
}

}  // namespace registry::gateway
