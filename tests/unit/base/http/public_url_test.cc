#include "base/http/public_url.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"

namespace registry::http {
namespace {

using Headers = std::vector<std::pair<const char*, const char*>>;

Request WithHeaders(ProxyTrust trust, const Headers& headers) {
  Request request;
  request.proxy_trust = trust;
  request.local_address = "127.0.0.1:5000";
  for (const auto& [name, value] : headers) request.head.insert(name, value);
  return request;
}

std::string FromProxy(const Headers& headers) {
  Headers with_host = headers;
  with_host.emplace_back("Host", "inside:5000");
  return PublicUrl(WithHeaders(ProxyTrust::kAll, with_host));
}

TEST(PublicUrlTest, ATrustedProxyTellsHostAndScheme) {
  EXPECT_EQ(FromProxy({}), "http://inside:5000");
  EXPECT_EQ(FromProxy({{"X-Forwarded-Host", "r.example"}}), "http://r.example");
  EXPECT_EQ(FromProxy({{"X-Forwarded-Host", "r.example:8443"}, {"X-Forwarded-Proto", "https"}}),
            "https://r.example:8443");
  EXPECT_EQ(FromProxy({{"Forwarded", "for=1.1.1.1;host=r.example;proto=https"}}),
            "https://r.example");
  EXPECT_EQ(FromProxy({{"Forwarded", "host=\"[2001:db8::1]:443\";proto=HTTPS"}}),
            "https://[2001:db8::1]:443");
}

TEST(PublicUrlTest, OfSeveralProxiesTheFirstSawTheClient) {
  EXPECT_EQ(
      FromProxy({{"X-Forwarded-Host", " r.example , b"}, {"X-Forwarded-Proto", "https,http"}}),
      "https://r.example");
  EXPECT_EQ(FromProxy({{"X-Forwarded-Host", "r.example"}, {"X-Forwarded-Host", "b"}}),
            "http://r.example");
  EXPECT_EQ(FromProxy({{"Forwarded", "host=r.example;proto=https, host=b;proto=http"}}),
            "https://r.example");
}

TEST(PublicUrlTest, ForwardedCountsBeforeTheOthersWhichFillItsGaps) {
  const Headers others = {{"X-Forwarded-Host", "x.example"}, {"X-Forwarded-Proto", "https"}};
  const auto with = [&](const char* forwarded) {
    Headers headers = others;
    headers.emplace_back("Forwarded", forwarded);
    return FromProxy(headers);
  };
  EXPECT_EQ(with("host=f.example;proto=http"), "http://f.example");
  EXPECT_EQ(with("host=f.example"), "https://f.example");
  EXPECT_EQ(with("proto=http"), "http://x.example");
  EXPECT_EQ(with("for=1.1.1.1"), "https://x.example");
  EXPECT_EQ(with("host=f.example;"), "https://f.example");
  EXPECT_EQ(with("host=f.example;proto"), "https://x.example") << "malformed";
}

TEST(PublicUrlTest, ValuesThatNameNoHostOrSchemeAreIgnored) {
  for (const char* bad : {"", ",r.example", "a b", "a/b", "a\"b", "user@r.example", "r.example:0",
                          "r.example:99999", "r.example:x", "r.example:", ":5000", "[::1", "a?b",
                          "a#b", "a%20b", "\"r.example\"", "a;b", "a:1:2"}) {
    EXPECT_EQ(FromProxy({{"X-Forwarded-Host", bad}}), "http://inside:5000") << bad;
    const std::string quoted = absl::StrCat("host=\"", bad, "\"");
    EXPECT_EQ(FromProxy({{"Forwarded", quoted.c_str()}}), "http://inside:5000") << bad;
  }
  for (const char* bad : {"", "ftp", "https:", "https://r.example", "ht tps", ",https"}) {
    EXPECT_EQ(FromProxy({{"X-Forwarded-Proto", bad}}), "http://inside:5000") << bad;
    const std::string quoted = absl::StrCat("proto=\"", bad, "\"");
    EXPECT_EQ(FromProxy({{"Forwarded", quoted.c_str()}}), "http://inside:5000") << bad;
  }
}

TEST(PublicUrlTest, OtherPeersAreNotBelieved) {
  const Headers headers = {{"Host", "inside:5000"},
                           {"X-Forwarded-Host", "x.example"},
                           {"X-Forwarded-Proto", "https"},
                           {"Forwarded", "host=f.example;proto=https"}};
  EXPECT_EQ(PublicUrl(WithHeaders(ProxyTrust::kNone, headers)), "http://inside:5000");
  EXPECT_EQ(PublicUrl(WithHeaders(ProxyTrust::kScheme, headers)), "https://inside:5000")
      << "without a list of proxies";
}

TEST(PublicUrlTest, TheConfiguredOneWins) {
  Request request = WithHeaders(ProxyTrust::kAll,
                                {{"Host", "inside"}, {"Forwarded", "host=f.example;proto=http"}});
  request.public_url = "https://r.example:8443";
  EXPECT_EQ(PublicUrl(request), "https://r.example:8443");
}

TEST(PublicUrlTest, WithoutAHostItIsTheAddressOfTheConnection) {
  EXPECT_EQ(PublicUrl(WithHeaders(ProxyTrust::kNone, {})), "http://127.0.0.1:5000");
  EXPECT_EQ(PublicUrl(WithHeaders(ProxyTrust::kNone, {{"Host", ""}})), "http://127.0.0.1:5000");
  Request request = WithHeaders(ProxyTrust::kNone, {});
  request.secure = true;
  EXPECT_EQ(PublicUrl(request), "https://127.0.0.1:5000");
}

TEST(ParsePublicUrlTest, IsASchemeAndAHost) {
  for (const auto& [text, url] : Headers{{"https://r.example", "https://r.example"},
                                         {"https://r.example/", "https://r.example"},
                                         {"HTTPS://r.example:8443", "https://r.example:8443"},
                                         {"http://127.0.0.1:5000", "http://127.0.0.1:5000"},
                                         {"http://[::1]:5000/", "http://[::1]:5000"}}) {
    const absl::StatusOr<std::string> parsed = ParsePublicUrl(text);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(*parsed, url);
  }
}

TEST(ParsePublicUrlTest, AnythingElseIsRefusedWithTheReason) {
  for (const auto& [text, reason] : Headers{
           {"", "\"\" is not an absolute URL"},
           {"r.example", "\"r.example\" is not an absolute URL"},
           {"r.example:5000", "\"r.example:5000\" is not an absolute URL"},
           {"//r.example", "is not an absolute URL"},
           {"https:r.example", "is not an absolute URL"},
           {"https://r example", "is not an absolute URL"},
           {"https://r.example\r\nX: y", "is not an absolute URL"},
           {"ftp://r.example", "is neither an https nor an http URL"},
           {"https://", "has no valid host and port"},
           {"https://:5000", "has no valid host and port"},
           {"https://r.example:0", "has no valid host and port"},
           {"https://r.example:99999", "has no valid host and port"},
           {"https://r!example", "has no valid host and port"},
           {"https://r.example/registry", "has a path, but clients look for a registry at /v2/"},
           {"https://r.example/v2/", "has a path"},
           {"https://r.example?x", "has a query or a fragment"},
           {"https://r.example/#x", "has a query or a fragment"}}) {
    const absl::Status status = ParsePublicUrl(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_TRUE(absl::StrContains(status.message(), reason)) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), "expected https://HOST[:PORT]")) << status;
  }
  const absl::Status status = ParsePublicUrl("https://admin:secret@r.example").status();
  EXPECT_TRUE(absl::StrContains(status.message(), "contains a user name")) << status;
  EXPECT_FALSE(absl::StrContains(status.message(), "secret")) << status;
}

}  // namespace
}  // namespace registry::http
