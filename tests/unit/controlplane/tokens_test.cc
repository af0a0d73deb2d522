#include "controlplane/tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/hash.h"
#include "base/limits.h"

namespace registry::controlplane {
namespace {

using ::testing::HasSubstr;

const std::string& Key() {
  static const std::string& key = *new std::string(32, '\x01');
  return key;
}

std::string Base64Url(absl::string_view text) { return absl::WebSafeBase64Escape(text); }

// A token signed with `key` according to RFC 7515, whatever its header claims.
std::string Sign(absl::string_view header, absl::string_view claims, absl::string_view key) {
  const std::string signed_part = absl::StrCat(Base64Url(header), ".", Base64Url(claims));
  return absl::StrCat(signed_part, ".", Base64Url(base::HmacSha256(key, signed_part)));
}

constexpr char kHeader[] = R"({"alg":"HS256","typ":"JWT"})";
constexpr char kClaims[] =
    R"({"iss":"simple-registry","aud":"simple-registry","nbf":900,"exp":1300,"access":[]})";

class TokenSignerTest : public testing::Test {
 protected:
  std::unique_ptr<TokenSigner> Signer(const std::function<void(TokenSignerOptions&)>& change =
                                          [](TokenSignerOptions&) {}) {
    TokenSignerOptions options;
    options.signing_key = Key();
    options.clock = [this] { return now_s_ * 1000; };
    change(options);
    return TokenSigner::Create(options).value();
  }
  std::string Reason(absl::string_view token) {
    const absl::StatusOr<VerifiedToken> verified = Signer()->Verify(token);
    if (verified.ok()) return "";
    EXPECT_EQ(verified.status().code(), absl::StatusCode::kUnauthenticated);
    return std::string(verified.status().message());
  }

  int64_t now_s_ = 1000;
  const TokenGrant grant_{
      .subject = "admin",
      .credential_version = "v1",
      .access = {{"repository", "a/b", {"pull", "push"}}, {"registry", "catalog", {"*"}}}};
};

TEST_F(TokenSignerTest, AnIssuedTokenVerifies) {
  const IssuedToken issued = Signer()->Issue(grant_).value();
  EXPECT_EQ(issued.issued_at_s, 1000);
  EXPECT_EQ(issued.expires_at_s, 1300);
  const VerifiedToken verified = Signer()->Verify(issued.text).value();
  EXPECT_EQ(verified.grant.subject, "admin");
  EXPECT_EQ(verified.grant.credential_version, "v1");
  EXPECT_EQ(verified.grant.access, grant_.access);
  EXPECT_EQ(verified.expires_at_s, 1300);
}

TEST_F(TokenSignerTest, AnAnonymousTokenHasNoSubject) {
  const IssuedToken issued = Signer()->Issue({}).value();
  const std::vector<std::string> parts = absl::StrSplit(issued.text, '.');
  std::string claims;
  ASSERT_TRUE(absl::WebSafeBase64Unescape(parts[1], &claims));
  EXPECT_THAT(claims, testing::Not(HasSubstr("\"sub\"")));
  EXPECT_THAT(claims, HasSubstr("\"jti\""));
  EXPECT_EQ(Signer()->Verify(issued.text).value().grant.subject, "");
}

TEST_F(TokenSignerTest, OthersCanReadItAsRfc7519Says) {
  EXPECT_EQ(Reason(Sign(kHeader, kClaims, Key())), "");
  const std::string text = Signer()->Issue(grant_).value().text;
  const std::vector<std::string> parts = absl::StrSplit(text, '.');
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[2], Base64Url(base::HmacSha256(Key(), absl::StrCat(parts[0], ".", parts[1]))));
}

TEST_F(TokenSignerTest, AnyChangedCharacterInvalidates) {
  const std::string good = Signer()->Issue(grant_).value().text;
  // The last character carries bits that base64 ignores.
  for (size_t i = 0; i + 1 < good.size(); ++i) {
    std::string bad = good;
    bad[i] = bad[i] == 'A' ? 'B' : 'A';
    EXPECT_NE(Reason(bad), "") << i;
  }
  EXPECT_NE(Reason(good.substr(0, good.size() - 4)), "");
  EXPECT_NE(Reason(good + "A"), "");
}

TEST_F(TokenSignerTest, TokensOfOthersAreRefused) {
  const auto foreign_key = Signer([](auto& o) { o.signing_key = std::string(32, '\x02'); });
  EXPECT_THAT(Reason(foreign_key->Issue(grant_).value().text), HasSubstr("not signed it"));
  const auto issuer = Signer([](auto& o) { o.issuer = "other"; });
  EXPECT_THAT(Reason(issuer->Issue(grant_).value().text), HasSubstr("another registry issued it"));
  const auto audience = Signer([](auto& o) { o.audience = "other"; });
  EXPECT_THAT(Reason(audience->Issue(grant_).value().text), HasSubstr("for another registry"));
}

TEST_F(TokenSignerTest, OnlyHs256IsAccepted) {
  for (const char* algorithm :
       {"none", "None", "NONE", "HS384", "HS512", "RS256", "ES256", "", "x"}) {
    const std::string header = absl::StrCat(R"({"alg":")", algorithm, R"(","typ":"JWT"})");
    EXPECT_NE(Reason(Sign(header, kClaims, Key())), "") << algorithm;
    EXPECT_NE(Reason(absl::StrCat(Base64Url(header), ".", Base64Url(kClaims), ".")), "")
        << algorithm;
  }
  EXPECT_NE(Reason(Sign(R"({"typ":"JWT"})", kClaims, Key())), "");
}

TEST_F(TokenSignerTest, ItEndsWithItsTime) {
  const std::string token = Signer()->Issue(grant_).value().text;
  now_s_ = 1299;
  EXPECT_EQ(Reason(token), "");
  now_s_ = 1300;
  EXPECT_THAT(Reason(token), HasSubstr("expired"));
  now_s_ = 990;  // another replica's clock
  EXPECT_EQ(Reason(token), "");
  now_s_ = 989;
  EXPECT_THAT(Reason(token), HasSubstr("not valid yet"));
}

TEST_F(TokenSignerTest, MalformedClaimsAreRefused) {
  const char* cases[] = {
      "",
      "[]",
      "null",
      "{}",
      "{",
      "\"x\"",
      R"({"aud":"simple-registry","nbf":900,"exp":1300,"access":[]})",
      R"({"iss":"simple-registry","nbf":900,"exp":1300,"access":[]})",
      R"({"iss":"simple-registry","aud":["simple-registry"],"nbf":900,"exp":1300,"access":[]})",
      R"({"iss":"simple-registry","aud":"simple-registry","exp":1300,"access":[]})",
      R"({"iss":"simple-registry","aud":"simple-registry","nbf":900,"access":[]})",
      R"({"iss":"simple-registry","aud":"simple-registry","nbf":900,"exp":"1300","access":[]})",
      R"({"iss":"simple-registry","aud":"simple-registry","nbf":900,"exp":1e9,"access":[]})",
      R"({"iss":"simple-registry","aud":"simple-registry","nbf":900,"exp":1300})",
      R"({"iss":"simple-registry","aud":"simple-registry","nbf":900,"exp":1300,"access":{}})",
      R"({"iss":"simple-registry","aud":"simple-registry","nbf":900,"exp":1300,"access":[1]})",
      R"({"iss":"simple-registry","aud":"simple-registry","nbf":900,"exp":1300,"access":[{}]})",
      R"({"iss":"simple-registry","aud":"simple-registry","nbf":900,"exp":1300,)"
      R"("access":[{"type":"repository","name":"a","actions":"pull"}]})",
      R"({"iss":"simple-registry","aud":"simple-registry","nbf":900,"exp":1300,)"
      R"("access":[{"type":"repository","name":"a","actions":[1]}]})",
      R"({"iss":"simple-registry","aud":"simple-registry","nbf":900,"exp":1300,"sub":1,)"
      R"("access":[]})",
  };
  for (const char* claims : cases) {
    EXPECT_NE(Reason(Sign(kHeader, claims, Key())), "") << claims;
  }
}

TEST_F(TokenSignerTest, WhatIsNoTokenIsRefused) {
  for (absl::string_view text :
       {absl::string_view(""), absl::string_view("."), absl::string_view(".."),
        absl::string_view("..."), absl::string_view("a.b"), absl::string_view("a.b.c"),
        absl::string_view("a.b.c.d"), absl::string_view("a b.c.d"), absl::string_view("a.b.c\0", 6),
        absl::string_view("\xff.\xff.\xff"), absl::string_view("e30.e30.e30")}) {
    EXPECT_NE(Reason(text), "") << text;
  }
  EXPECT_THAT(Reason(std::string(1'000'000, 'a')), HasSubstr("1000000 bytes"));
  EXPECT_NE(Reason(absl::StrCat("a.", std::string(16'000, 'a'), ".a")), "");
  // Deep enough to overflow the stack of a recursive parser without a limit.
  EXPECT_NE(Reason(Sign(kHeader, std::string(11'000, '['), Key())), "");
}

TEST_F(TokenSignerTest, ATokenTooBigIsNotIssued) {
  TokenGrant grant;
  for (int i = 0; i < 1000; ++i) grant.access.push_back({"repository", absl::StrCat(i), {"pull"}});
  EXPECT_EQ(Signer()->Issue(grant).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(TokenSignerTest, WeakKeysAndShortLivesAreRefused) {
  TokenSignerOptions options;
  options.signing_key = std::string(31, 'x');
  EXPECT_THAT(std::string(TokenSigner::Create(options).status().message()),
              HasSubstr("31 bytes; it needs 32"));
  options.signing_key = Key();
  options.lifetime = std::chrono::seconds(59);
  EXPECT_THAT(std::string(TokenSigner::Create(options).status().message()), HasSubstr("59 s"));
}

TEST_F(TokenSignerTest, ManyThreadsMayUseIt) {
  const auto signer = Signer();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 200; ++j) {
        EXPECT_TRUE(signer->Verify(signer->Issue(grant_).value().text).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace registry::controlplane
