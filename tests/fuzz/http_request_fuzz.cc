// A client's bytes on a connection: one request, its header and its body, read as connection.cc
// reads it. Its seeds are the requests that test_malformed.py sends to the registry.

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/http/request_parser.h"
#include "base/limits.h"
#include "tests/fuzz/check.h"

namespace registry::http {
namespace {

namespace beast = boost::beast;

struct Reading {
  // How far reading came before the bytes ended or were refused.
  bool has_header = false;
  bool has_whole_body = false;
  Request request;
  std::string body;
};

// Reads the request into `reading`; its bytes arrive in pieces of `piece`.
void Read(absl::string_view sent, size_t piece, Reading& reading) {
  RequestParser parser;
  SetLimits(parser, base::kMaxHeaderBytes);
  std::string buffered;
  beast::error_code error;
  const auto receive = [&] {
    const absl::string_view received = sent.substr(0, piece);
    sent.remove_prefix(received.size());
    absl::StrAppend(&buffered, received);
    return !received.empty();
  };
  // False when the request is malformed.
  const auto parse = [&] {
    error = {};
    buffered.erase(0, parser.put(boost::asio::buffer(buffered), error));
    return !error || error == beast::http::error::need_more ||
           error == beast::http::error::need_buffer;
  };

  while (!parser.is_header_done()) {
    if (!receive()) return;
    if (!parse() && !parser.is_header_done()) return;
  }
  TakeRequest(parser, reading.request);
  if (CheckHeader(parser, reading.request)) return;
  reading.has_header = true;
  while (!parser.is_done()) {
    size_t count = 0;
    if (!buffered.empty()) {
      std::array<char, 100> part;
      auto& body = parser.get().body();
      body.data = part.data();
      body.size = part.size();
      if (!parse()) return;
      count = part.size() - body.size;
      reading.body.append(part.data(), count);
    }
    const bool needs_more = buffered.empty() || error == beast::http::error::need_more;
    if (count == 0 && needs_more && !parser.is_done() && !receive()) return;
  }
  reading.has_whole_body = true;
}

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

void CheckReading(const Reading& reading) {
  const Request& request = reading.request;
  const auto target = request.head.target();
  FUZZ_CHECK(!target.empty());
  FUZZ_CHECK(
      std::none_of(target.begin(), target.end(), [](char c) { return IsControl(c) || c == ' '; }));
  const std::string parts =
      absl::StrCat(request.path, request.query.empty() ? "" : "?", request.query);
  // A request through a proxy has the authority before them.
  const absl::string_view whole(target.data(), target.size());
  FUZZ_CHECK(absl::EndsWith(whole, parts) || absl::EndsWith(whole, parts + "?") || parts == "/");
  for (const auto& field : request.head) {
    FUZZ_CHECK(!field.name_string().empty());
    FUZZ_CHECK(std::none_of(field.value().begin(), field.value().end(),
                            [](char c) { return IsControl(c) && c != '\t'; }));
  }
  // Two lengths would let a proxy in front see another end of the request (RFC 9112, 6.3).
  FUZZ_CHECK(!request.HasHeader("Content-Length") || !request.HasHeader("Transfer-Encoding"));
  FUZZ_CHECK(request.has_body || reading.body.empty());
  if (reading.has_whole_body && request.content_length) {
    FUZZ_CHECK(reading.body.size() == *request.content_length);
  }
}

// The places where the network cuts the bytes must not matter.
void CheckSame(const Reading& a, const Reading& b) {
  FUZZ_CHECK(a.has_header == b.has_header && a.has_whole_body == b.has_whole_body);
  if (!a.has_header) return;
  FUZZ_CHECK(a.body == b.body);
  FUZZ_CHECK(a.request.method() == b.request.method());
  FUZZ_CHECK(a.request.head.version() == b.request.head.version());
  FUZZ_CHECK(a.request.path == b.request.path && a.request.query == b.request.query);
  FUZZ_CHECK(a.request.content_length == b.request.content_length);
  FUZZ_CHECK(a.request.has_body == b.request.has_body);
  FUZZ_CHECK(std::equal(a.request.head.begin(), a.request.head.end(), b.request.head.begin(),
                        b.request.head.end(), [](const auto& x, const auto& y) {
                          return x.name_string() == y.name_string() && x.value() == y.value();
                        }));
}

}  // namespace
}  // namespace registry::http

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view sent = registry::fuzz::ToText(data, size);
  registry::http::Reading whole, bytes;
  Read(sent, std::max<size_t>(size, 1), whole);
  Read(sent, 1, bytes);
  if (whole.has_header) CheckReading(whole);
  CheckSame(whole, bytes);
  return 0;
}
