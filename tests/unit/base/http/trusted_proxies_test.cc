#include "base/http/trusted_proxies.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace registry::http {
namespace {

std::string ClientOf(absl::string_view trusted, absl::string_view peer,
                     const std::vector<absl::string_view>& x_forwarded_for,
                     const std::vector<absl::string_view>& forwarded = {}) {
  const absl::StatusOr<TrustedProxies> proxies = TrustedProxies::Parse(trusted);
  EXPECT_TRUE(proxies.ok()) << proxies.status();
  return proxies.ok() ? proxies->ClientAddress(peer, x_forwarded_for, forwarded) : "";
}

TEST(TrustedProxiesTest, WithoutAnyThePeerIsTheClient) {
  EXPECT_EQ(TrustedProxies().ClientAddress("127.0.0.1", {"203.0.113.5"}, {}), "127.0.0.1");
  EXPECT_EQ(TrustedProxies().ClientAddress("127.0.0.1", {}, {"for=203.0.113.5"}), "127.0.0.1");
  EXPECT_EQ(TrustedProxies().ClientAddress("", {"203.0.113.5"}, {}), "");
}

TEST(TrustedProxiesTest, TrustIsAsTheListSaysAndOnlyInTheSchemeWithoutAny) {
  EXPECT_EQ(TrustedProxies().TrustIn("127.0.0.1"), ProxyTrust::kScheme);
  const absl::StatusOr<TrustedProxies> proxies = TrustedProxies::Parse("10.0.0.0/8,fd00::/8");
  ASSERT_TRUE(proxies.ok());
  for (const char* peer : {"10.0.0.1", "::ffff:10.0.0.1", "fd00::1"}) {
    EXPECT_EQ(proxies->TrustIn(peer), ProxyTrust::kAll) << peer;
  }
  for (const char* peer : {"127.0.0.1", "11.0.0.1", "fc00::1", ""}) {
    EXPECT_EQ(proxies->TrustIn(peer), ProxyTrust::kNone) << peer;
  }
}

TEST(TrustedProxiesTest, ForwardedIsReadAsXForwardedForIs) {
  const auto client = [](const std::vector<absl::string_view>& forwarded) {
    return ClientOf("10.0.0.0/8", "10.0.0.1", {}, forwarded);
  };
  EXPECT_EQ(client({"for=203.0.113.5"}), "203.0.113.5");
  EXPECT_EQ(client({"For=\"203.0.113.5:4711\";proto=https"}), "203.0.113.5");
  EXPECT_EQ(client({"for=\"[2001:db8::1]:4711\""}), "2001:db8::1");
  EXPECT_EQ(client({"for=1.1.1.1, for=203.0.113.5;by=10.0.0.2, for=10.0.0.2"}), "203.0.113.5");
  EXPECT_EQ(client({"for=1.1.1.1", "for=203.0.113.5", "for=10.0.0.2"}), "203.0.113.5");
  EXPECT_EQ(client({"for=10.0.0.3, for=10.0.0.2"}), "10.0.0.3");
  for (const char* hidden :
       {"for=unknown", "for=_hidden", "for=\"_x:1\"", "proto=https", "for=\"1.1"}) {
    EXPECT_EQ(client({"for=1.1.1.1", hidden, "for=10.0.0.2"}), "10.0.0.2") << hidden;
    EXPECT_EQ(client({hidden}), "10.0.0.1") << hidden;
  }
  EXPECT_EQ(ClientOf("10.0.0.0/8", "11.0.0.1", {}, {"for=203.0.113.5"}), "11.0.0.1");
}

// A proxy appends to one of them and may pass on the other one as the client sent it.
TEST(TrustedProxiesTest, HeadersThatContradictAreNotBelieved) {
  EXPECT_EQ(ClientOf("10.0.0.0/8", "10.0.0.1", {"203.0.113.5"}, {"for=203.0.113.5"}),
            "203.0.113.5");
  EXPECT_EQ(ClientOf("10.0.0.0/8", "10.0.0.1", {"203.0.113.5"}, {"for=1.1.1.1"}), "10.0.0.1");
  EXPECT_EQ(ClientOf("10.0.0.0/8", "10.0.0.1", {"203.0.113.5"}, {"for=\"1.1"}), "10.0.0.1");
  EXPECT_EQ(ClientOf("10.0.0.0/8", "10.0.0.1", {"203.0.113.5"}, {"", ","}), "203.0.113.5");
  EXPECT_EQ(ClientOf("10.0.0.0/8", "10.0.0.1", {"", ","}, {"for=203.0.113.5"}), "203.0.113.5");
}

TEST(TrustedProxiesTest, OnlyATrustedPeerIsBelieved) {
  EXPECT_EQ(ClientOf("10.0.0.0/8", "10.1.2.3", {"203.0.113.5"}), "203.0.113.5");
  EXPECT_EQ(ClientOf("10.0.0.0/8", "11.1.2.3", {"203.0.113.5"}), "11.1.2.3");
  EXPECT_EQ(ClientOf("10.0.0.0/8", "::1", {"203.0.113.5"}), "::1");
  EXPECT_EQ(ClientOf("10.1.2.3", "10.1.2.3", {"203.0.113.5"}), "203.0.113.5");
  EXPECT_EQ(ClientOf("10.1.2.3", "10.1.2.4", {"203.0.113.5"}), "10.1.2.4");
  EXPECT_EQ(ClientOf("fd00::/8, ::1", "fd12::1", {"203.0.113.5"}), "203.0.113.5");
  EXPECT_EQ(ClientOf("fd00::/8,::1", "::1", {"2001:db8::1"}), "2001:db8::1");
  EXPECT_EQ(ClientOf("fe80::/10", "fe80::1%1", {"2001:db8::1"}), "2001:db8::1");
  EXPECT_EQ(ClientOf("0.0.0.0/0", "8.8.8.8", {"1.1.1.1"}), "1.1.1.1");
}

TEST(TrustedProxiesTest, TheLastThatIsNotTrustedIsTheClient) {
  EXPECT_EQ(ClientOf("10.0.0.0/8", "10.0.0.1", {"1.1.1.1, 203.0.113.5, 10.0.0.2,10.0.0.3"}),
            "203.0.113.5")
      << "what stands before was not written by a trusted proxy";
  EXPECT_EQ(ClientOf("10.0.0.0/8", "10.0.0.1", {"1.1.1.1", "203.0.113.5", "10.0.0.2"}),
            "203.0.113.5")
      << "several lines are one list";
  EXPECT_EQ(ClientOf("10.0.0.0/8", "10.0.0.1", {"10.0.0.3, 10.0.0.2"}), "10.0.0.3")
      << "the first one when all are trusted";
  EXPECT_EQ(ClientOf("10.0.0.0/8", "10.0.0.1", {}), "10.0.0.1");
}

TEST(TrustedProxiesTest, AnInvalidAddressEndsTheSearch) {
  for (const char* bad : {"unknown", "_hidden", "1.2.3", "1.2.3.4:x", "[::1", "[::1]x", "1.2.3.4/8",
                          "\"1.2.3.4\"", "1.2.3.4 5.6.7.8", "::g", "1.2.3.4:5:6"}) {
    EXPECT_EQ(ClientOf("10.0.0.0/8", "10.0.0.1", {"1.1.1.1", bad, "10.0.0.2"}), "10.0.0.2") << bad;
    EXPECT_EQ(ClientOf("10.0.0.0/8", "10.0.0.1", {bad}), "10.0.0.1") << bad;
  }
}

TEST(TrustedProxiesTest, EmptyEntriesDoNotCount) {
  EXPECT_EQ(ClientOf("10.0.0.0/8", "10.0.0.1", {"203.0.113.5, ,", "", " , "}), "203.0.113.5");
}

TEST(TrustedProxiesTest, EntriesMayHavePorts) {
  EXPECT_EQ(ClientOf("10.0.0.0/8", "10.0.0.1", {"203.0.113.5:5678"}), "203.0.113.5");
  EXPECT_EQ(ClientOf("10.0.0.0/8", "10.0.0.1", {"[2001:db8::1]:1"}), "2001:db8::1");
  EXPECT_EQ(ClientOf("10.0.0.0/8", "10.0.0.1", {"[2001:db8::1]"}), "2001:db8::1");
  EXPECT_EQ(ClientOf("10.0.0.0/8", "10.0.0.1", {"203.0.113.5, 10.0.0.2:80"}), "203.0.113.5");
}

TEST(TrustedProxiesTest, Ipv4WrittenAsIpv6IsIpv4) {
  EXPECT_EQ(ClientOf("10.0.0.0/8", "::ffff:10.0.0.1", {"::ffff:203.0.113.5"}), "203.0.113.5");
  EXPECT_EQ(ClientOf("::ffff:10.0.0.0/104", "10.0.0.1", {"203.0.113.5"}), "203.0.113.5");
  EXPECT_EQ(ClientOf("::ffff:10.0.0.1", "10.0.0.1", {"203.0.113.5"}), "203.0.113.5");
  EXPECT_EQ(ClientOf("::ffff:10.0.0.1", "10.0.0.2", {"203.0.113.5"}), "10.0.0.2");
}

TEST(TrustedProxiesTest, AddressesAreWrittenInOneWay) {
  EXPECT_EQ(ClientOf("10.0.0.1", "10.0.0.1", {"2001:DB8:0:0:0:0:0:1"}), "2001:db8::1");
  EXPECT_EQ(ClientOf("10.0.0.1", "10.0.0.1", {"fe80::1%7"}), "fe80::1");
}

TEST(TrustedProxiesTest, InvalidEntriesAreNamed) {
  for (const char* bad :
       {"", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/x", "10.0.0/8", "fd00::/129",
        "::ffff:10.0.0.0/8", "proxy.example", "10.0.0.1:80", "/8"}) {
    for (const std::string& list : {std::string(bad), absl::StrCat("10.0.0.0/8,", bad)}) {
      const absl::Status status = TrustedProxies::Parse(list).status();
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << list;
      EXPECT_TRUE(absl::StrContains(status.message(), absl::StrCat("\"", bad, "\" is neither")))
          << status;
      EXPECT_TRUE(absl::StrContains(status.message(), "write for example 10.0.0.0/8")) << status;
    }
  }
}

}  // namespace
}  // namespace registry::http
