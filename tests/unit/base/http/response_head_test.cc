#include "base/http/response_head.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "base/http/http_date.h"

namespace registry::http {
namespace {

// The head without its Date, which must be its first header.
std::string Format(const ResponseHead& head, bool chunked, absl::string_view connection) {
  std::string text = FormatResponseHead(head, chunked, connection);
  const size_t start = text.find("\r\n") + 2;
  const size_t end = text.find("\r\n", start) + 2;
  EXPECT_EQ(text.substr(start, 6), "Date: ") << text;
  EXPECT_EQ(end - start, FormatHttpDate(0).size() + 8) << text;
  return text.erase(start, end - start);
}

TEST(ResponseHeadTest, HasStatusHeadersAndLength) {
  ResponseHead head;
  head.status = 206;
  head.Set("ETag", "\"x\"").Set("Accept-Ranges", "bytes");
  head.content_length = 5;
  EXPECT_EQ(Format(head, false, ""),
            "HTTP/1.1 206 Partial Content\r\nETag: \"x\"\r\nAccept-Ranges: bytes\r\n"
            "Content-Length: 5\r\n\r\n");
}

TEST(ResponseHeadTest, AChunkedBodyHasNoLength) {
  ResponseHead head;
  head.content_length = 5;
  EXPECT_EQ(Format(head, true, "close"),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
}

TEST(ResponseHeadTest, NoValueEndsItsLine) {
  ResponseHead head;
  head.Set("X", "a\r\nY: b\n\x7f");
  EXPECT_EQ(Format(head, false, ""), "HTTP/1.1 200 OK\r\nX: a  Y: b  \r\n\r\n");
}

}  // namespace
}  // namespace registry::http
