#include "controlplane/access/refresh_tokens.h"

#include "base/limits.h"
#include "tests/unit/controlplane/metadata/fixture.h"

namespace registry::controlplane {
namespace {

class RefreshTokensTest : public MetadataTest {
 protected:
  std::string Issue(const std::string& user) {
    const absl::StatusOr<std::string> token =
        IssueRefreshToken(*database_, {.user_name = user, .credential_version = "1"}, now_ms_);
    EXPECT_TRUE(token.ok()) << token.status();
    return *token;
  }
  bool Works(const std::string& token) { return UseRefreshToken(*database_, token, now_ms_).ok(); }
};

TEST_F(RefreshTokensTest, TheLeastRecentlyUsedOfOneUserMakesRoom) {
  const std::string of_another = Issue("bob");
  std::vector<std::string> tokens;
  for (int i = 0; i < base::kMaxRefreshTokens; ++i) {
    ++now_ms_;
    tokens.push_back(Issue("alice"));
  }
  ++now_ms_;
  ASSERT_TRUE(Works(tokens[0]));
  ++now_ms_;
  tokens.push_back(Issue("alice"));
  EXPECT_EQ(Number("SELECT count(*) FROM refresh_tokens WHERE user_name = 'alice'"),
            base::kMaxRefreshTokens);
  EXPECT_TRUE(Works(tokens[0]));
  EXPECT_FALSE(Works(tokens[1]));
  EXPECT_TRUE(Works(tokens[2]));
  EXPECT_TRUE(Works(tokens.back()));
  EXPECT_TRUE(Works(of_another));
}

TEST_F(RefreshTokensTest, OneThatWasNotUsedForTooLongEnds) {
  const std::string token = Issue("alice");
  now_ms_ += ToMs(base::kRefreshTokenIdleExpiry);
  EXPECT_TRUE(Works(token));
  now_ms_ += ToMs(base::kRefreshTokenIdleExpiry) + 1;
  EXPECT_FALSE(Works(token));
  Issue("bob");
  EXPECT_EQ(Number("SELECT count(*) FROM refresh_tokens"), 1);
}

}  // namespace
}  // namespace registry::controlplane
