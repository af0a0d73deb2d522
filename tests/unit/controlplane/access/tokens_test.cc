#include "controlplane/access/tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <thread>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
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
    R"({"iss":"simple-registry","aud":"simple-registry","nbf":900,"iat":900,"exp":1300,)"
    R"("access":""})";

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
  EXPECT_EQ(verified.subject, "admin");
  EXPECT_EQ(verified.credential_version, "v1");
  for (const oci::Scope& scope : grant_.access) {
    EXPECT_TRUE(verified.access.Covers(scope)) << scope.ToString();
  }
  EXPECT_FALSE(verified.access.Covers({"repository", "a/b", {"delete"}}));
  EXPECT_EQ(verified.refused_at_s, 1360);
}

TEST_F(TokenSignerTest, AnAnonymousTokenHasNoSubject) {
  const IssuedToken issued = Signer()->Issue({}).value();
  const std::vector<std::string> parts = absl::StrSplit(issued.text, '.');
  std::string claims;
  ASSERT_TRUE(absl::WebSafeBase64Unescape(parts[1], &claims));
  EXPECT_THAT(claims, testing::Not(HasSubstr("\"sub\"")));
  EXPECT_THAT(claims, HasSubstr("\"jti\""));
  EXPECT_EQ(Signer()->Verify(issued.text).value().subject, "");
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
  EXPECT_THAT(Reason(foreign_key->Issue(grant_).value().text), HasSubstr("did not sign it"));
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

TEST_F(TokenSignerTest, ClocksMayDifferByAMinuteBothWays) {
  const std::string token = Signer()->Issue(grant_).value().text;
  now_s_ = 1359;
  EXPECT_EQ(Reason(token), "");
  EXPECT_EQ(Signer()->Verify(token).value().refused_at_s, 1360);
  now_s_ = 1360;
  EXPECT_THAT(Reason(token), HasSubstr("expired"));
  now_s_ = 940;
  EXPECT_EQ(Reason(token), "");
  now_s_ = 939;
  EXPECT_THAT(Reason(token), HasSubstr("not valid yet"));
}

TEST_F(TokenSignerTest, EachTimeHasItsOwnLeeway) {
  const auto reason = [this](int64_t not_before, int64_t issued_at, int64_t expires_at) {
    return Reason(
        Sign(kHeader,
             absl::StrCat(R"({"iss":"simple-registry","aud":"simple-registry","nbf":)", not_before,
                          R"(,"iat":)", issued_at, R"(,"exp":)", expires_at, R"(,"access":""})"),
             Key()));
  };
  EXPECT_EQ(reason(1060, 1060, 941), "");
  EXPECT_THAT(reason(1061, 1000, 1300), HasSubstr("not valid yet"));
  EXPECT_THAT(reason(1000, 1061, 1300), HasSubstr("not valid yet"));
  EXPECT_THAT(reason(1000, 1000, 940), HasSubstr("expired"));
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(reason(kMin, kMin, kMax), "");
  EXPECT_THAT(reason(kMax, 1000, kMax), HasSubstr("not valid yet"));
  EXPECT_THAT(reason(kMin, kMin, kMin), HasSubstr("expired"));
}

TEST_F(TokenSignerTest, MalformedClaimsAreRefused) {
  // Claim by claim: absent, or of another kind.
  const struct {
    const char* name;
    const char* right;
    std::vector<const char*> wrong;
  } claims[] = {
      {"iss", R"("simple-registry")", {"1", "null"}},
      {"aud", R"("simple-registry")", {R"(["simple-registry"])", "{}"}},
      {"nbf", "900", {R"("900")", "9e2", "null"}},
      {"iat", "900", {R"("900")", "9e2", "null"}},
      {"exp", "1300", {R"("1300")", "1e9", "18446744073709551616"}},
      {"access",
       R"("")",
       // The form before 400 repositories fitted, text that is no base64, half an entry.
       {R"([{"type":"repository","name":"a","actions":["pull"]}])", "[]", "{}", R"("!")",
        R"("AAAAAAAA")"}},
      {"sub", R"("admin")", {"1", R"(["admin"])"}},
  };
  const auto all_but = [&](absl::string_view name, absl::string_view value) {
    std::vector<std::string> members;
    for (const auto& claim : claims) {
      const absl::string_view text = name == claim.name ? value : claim.right;
      if (!text.empty()) members.push_back(absl::StrCat("\"", claim.name, "\":", text));
    }
    return absl::StrCat("{", absl::StrJoin(members, ","), "}");
  };
  EXPECT_EQ(Reason(Sign(kHeader, all_but("", ""), Key())), "");
  std::vector<std::string> cases = {"", "[]", "null", "{}", "{", "\"x\""};
  for (const auto& claim : claims) {
    // Without `sub` it is an anonymous client's.
    if (claim.name != absl::string_view("sub")) cases.push_back(all_but(claim.name, ""));
    for (const char* wrong : claim.wrong) cases.push_back(all_but(claim.name, wrong));
  }
  for (const std::string& text : cases) {
    EXPECT_NE(Reason(Sign(kHeader, text, Key())), "") << text;
  }
}

TEST_F(TokenSignerTest, MalformedTokensAreRefused) {
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

TEST_F(TokenSignerTest, FourHundredScopesFitWhateverTheirNamesAre) {
  TokenGrant grant{.subject = std::string(255, '"'), .credential_version = std::string(64, 'f')};
  for (size_t i = 0; i < base::kMaxTokenScopes; ++i) {
    grant.access.push_back(
        {"repository", absl::StrCat(std::string(250, 'a'), i), {"pull", "push", "delete"}});
  }
  const std::string text = Signer()->Issue(grant).value().text;
  EXPECT_LE(text.size(), base::kMaxIssuedTokenBytes);
  const VerifiedToken verified = Signer()->Verify(text).value();
  for (const oci::Scope& scope : grant.access) EXPECT_TRUE(verified.access.Covers(scope));
  EXPECT_FALSE(verified.access.Covers({"repository", std::string(250, 'a'), {"pull"}}));
}

TEST_F(TokenSignerTest, ATokenTooBigIsNotIssued) {
  TokenGrant grant;
  for (size_t i = 0; i <= base::kMaxTokenScopes; ++i) {
    grant.access.push_back({"repository", absl::StrCat(i), {"pull"}});
  }
  EXPECT_EQ(Signer()->Issue(grant).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Signer()->Issue({.subject = std::string(6000, 'a')}).status().code(),
            absl::StatusCode::kInvalidArgument);
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
