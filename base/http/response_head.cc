#include "base/http/response_head.h"

#include <algorithm>
#include <boost/beast/http/status.hpp>

#include "absl/strings/str_cat.h"
#include "base/http/http_date.h"

namespace registry::http {

std::string FormatResponseHead(const ResponseHead& head, bool chunked,
                               absl::string_view connection) {
  const auto code = static_cast<boost::beast::http::status>(head.status);
  const auto reason = boost::beast::http::obsolete_reason(code);
  std::string text =
      absl::StrCat("HTTP/1.1 ", head.status, " ", absl::string_view(reason.data(), reason.size()),
                   "\r\nDate: ", CurrentHttpDate(), "\r\n");
  for (const auto& [name, value] : head.headers) {
    const size_t start = text.size();
    absl::StrAppend(&text, name, ": ", value, "\r\n");
    // No value may end its line early, whatever its text.
    std::replace_if(
        text.begin() + static_cast<std::ptrdiff_t>(start), text.end() - 2,
        [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  }
  if (chunked) {
    text += "Transfer-Encoding: chunked\r\n";
  } else if (head.content_length) {
    absl::StrAppend(&text, "Content-Length: ", *head.content_length, "\r\n");
  }
  if (!connection.empty()) absl::StrAppend(&text, "Connection: ", connection, "\r\n");
  text += "\r\n";
  return text;
}

}  // namespace registry::http
