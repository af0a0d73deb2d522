#include "base/http/forwarded.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace registry::http {
namespace {

// "CLIENT HOST PROTO" of each element, "malformed" for none.
std::string Parse(absl::string_view line) {
  const std::optional<std::vector<ForwardedElement>> elements = ParseForwarded(line);
  if (!elements) return "malformed";
  return absl::StrJoin(*elements, "|", [](std::string* out, const ForwardedElement& element) {
    absl::StrAppend(out, element.client, " ", element.host, " ", element.proto);
  });
}

// The examples of RFC 7239, section 4.
TEST(ForwardedTest, ReadsTheExamplesOfTheRfc) {
  EXPECT_EQ(Parse("for=\"_gazonk\""), "_gazonk  ");
  EXPECT_EQ(Parse("For=\"[2001:db8:cafe::17]:4711\""), "[2001:db8:cafe::17]:4711  ");
  EXPECT_EQ(Parse("for=192.0.2.60;proto=http;by=203.0.113.43"), "192.0.2.60  http");
  EXPECT_EQ(Parse("for=192.0.2.43, for=198.51.100.17"), "192.0.2.43  |198.51.100.17  ");
}

TEST(ForwardedTest, ReadsHostsAndQuotes) {
  EXPECT_EQ(Parse("host=r.example;PROTO=HTTPS"), " r.example HTTPS");
  EXPECT_EQ(Parse("host=\"r.example:5000\" ; for=\"a\\\"b\\\\c,d;e\""),
            "a\"b\\c,d;e r.example:5000 ");
  EXPECT_EQ(Parse("host=r.example:5000;for=[::1]:1"), "[::1]:1 r.example:5000 ")
      << "proxies leave out the quotes";
}

TEST(ForwardedTest, EmptyElementsAndParametersAreNone) {
  EXPECT_EQ(Parse(""), "");
  EXPECT_EQ(Parse(" , ,;,"), "");
  EXPECT_EQ(Parse(", for=a ;, ;for=b;;proto=c,"), "a  |b  c");
  EXPECT_EQ(Parse("for=\"\""), "  ");
  EXPECT_EQ(Parse("secret=x"), "  ");
}

TEST(ForwardedTest, WhatHasAnotherFormIsMalformed) {
  for (const char* line :
       {"for", "for=", "=x", "for =x", "for= x", "for=a b", "for=\"a", "for=\"a\\", "for=a;for=b",
        "for=a/b", "for=a,host=\"b", "for=\"a\"b", "a\x01=b", "\"for\"=a", "for=a for=b"}) {
    EXPECT_EQ(Parse(line), "malformed") << line;
  }
}

}  // namespace
}  // namespace registry::http
