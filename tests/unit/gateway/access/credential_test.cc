#include "gateway/access/credential.h"

#include <gtest/gtest.h>

namespace registry::gateway {
namespace {

http::Request WithHeader(const char* name, const std::string& value) {
  http::Request request;
  request.head.set(name, value);
  return request;
}

TEST(CredentialTest, NoHeaderIsAnonymous) {
  const auto credential = ParseCredential(http::Request());
  ASSERT_TRUE(credential.ok());
  EXPECT_EQ(credential->kind_case(), v1::Credential::KIND_NOT_SET);
}

TEST(CredentialTest, EmptyUserAndPasswordAreAnonymous) {
  for (const char* value : {"Basic Og==", "basic  Og== "}) {
    const auto credential = ParseCredential(WithHeader("Authorization", value));
    ASSERT_TRUE(credential.ok()) << value;
    EXPECT_EQ(credential->kind_case(), v1::Credential::KIND_NOT_SET) << value;
  }
  // One of them alone is a login, which fails: ":x" and "x:".
  for (const char* value : {"Basic Ong=", "Basic eDo="}) {
    const auto credential = ParseCredential(WithHeader("Authorization", value));
    ASSERT_TRUE(credential.ok()) << value;
    EXPECT_TRUE(credential->has_basic()) << value;
  }
}

TEST(CredentialTest, ReadsBasicAndBearerInAnyCase) {
  const auto basic = ParseCredential(WithHeader("Authorization", "bAsIc YWRtaW46YTpi"));
  ASSERT_TRUE(basic.ok());
  EXPECT_EQ(basic->basic().username(), "admin");
  EXPECT_EQ(basic->basic().password(), "a:b");
  const auto bearer = ParseCredential(WithHeader("Authorization", "BEARER x.y.z"));
  ASSERT_TRUE(bearer.ok());
  EXPECT_EQ(bearer->bearer_token(), "x.y.z");
}

TEST(CredentialTest, RefusesWhatIsNeither) {
  for (const char* value :
       {"Basic", "Basic ***", "Basic YWRtaW4=", "Digest x", "x", "Bearer \xff", "Basic /zpi"}) {
    EXPECT_FALSE(ParseCredential(WithHeader("Authorization", value)).ok()) << value;
  }
}

TEST(CredentialTest, RefusesSeveralHeaders) {
  for (const char* other : {"Bearer x", "Basic YWRtaW46YQ==", ""}) {
    http::Request request = WithHeader("Authorization", "Bearer x");
    request.head.insert("Authorization", other);
    EXPECT_FALSE(ParseCredential(request).ok()) << other;
  }
}

TEST(ChallengeTest, SaysWhereAndForWhatToGetAToken) {
  v1::Action push;
  push.set_resource(v1::RESOURCE_BLOBS);
  push.set_verb(v1::VERB_POST);
  push.set_repository("a/b");
  EXPECT_EQ(
      Challenge(WithHeader("Host", "r.example:5000"), {push}, AccessDecision::kCredentialRequired),
      "Bearer realm=\"http://r.example:5000/token\",service=\"simple-registry\","
      "scope=\"repository:a/b:pull,push\"");
}

TEST(ChallengeTest, OfSeveralProxiesTheFirstSawTheClient) {
  for (const auto& [forwarded, scheme] :
       {std::pair("https, http", "https"), std::pair("HTTPS,https", "https"),
        std::pair(" https ,", "https"), std::pair("http, https", "http"),
        std::pair("ftp, https", "http"), std::pair("", "http")}) {
    http::Request request = WithHeader("Host", "r.example");
    request.head.set("X-Forwarded-Proto", forwarded);
    request.proxy_trust = http::ProxyTrust::kScheme;
    EXPECT_EQ(
        Challenge(request, {}, AccessDecision::kCredentialRequired),
        absl::StrCat("Bearer realm=\"", scheme, "://r.example/token\",service=\"simple-registry\""))
        << forwarded;
  }
}

TEST(ChallengeTest, TheRealmFollowsTheProxyAndNeverLeavesItsQuotes) {
  http::Request request = WithHeader("Host", "r\"x");
  request.head.set("X-Forwarded-Proto", "https");
  request.proxy_trust = http::ProxyTrust::kScheme;
  EXPECT_EQ(Challenge(request, {}, AccessDecision::kTokenInvalid),
            "Bearer realm=\"https://r_x/token\",service=\"simple-registry\","
            "error=\"invalid_token\"");
}

}  // namespace
}  // namespace registry::gateway
