#include "controlplane/access/token_access.h"

#include <gtest/gtest.h>

#include "absl/strings/escaping.h"

namespace registry::controlplane {
namespace {

const std::string& Key() {
  static const std::string& key = *new std::string(32, 'k');
  return key;
}

std::string Encoded(const std::vector<oci::Scope>& scopes, const std::string& key = Key()) {
  TokenAccess access(key);
  for (const oci::Scope& scope : scopes) access.Add(scope);
  return access.Encode();
}

bool Covers(const std::string& encoded, const oci::Scope& needed, const std::string& key = Key()) {
  const std::optional<TokenAccess> access = TokenAccess::Decode(key, encoded);
  EXPECT_TRUE(access.has_value()) << encoded;
  return access.has_value() && access->Covers(needed);
}

TEST(TokenAccessTest, AScopeTakesNineBytesWhateverItsNameIs) {
  EXPECT_EQ(Encoded({}), "");
  EXPECT_EQ(Encoded({{"repository", "a", {"pull"}}}).size(), 12u);
  const std::string name(255, 'a');
  EXPECT_EQ(
      Encoded({{"repository", name, {"pull", "push"}}, {"registry", "catalog", {"*"}}}).size(),
      24u);
}

TEST(TokenAccessTest, CoversWhatWasAddedAndNothingElse) {
  const std::string encoded =
      Encoded({{"repository", "a/b", {"pull", "push"}}, {"repository", "c", {"*"}}});
  EXPECT_TRUE(Covers(encoded, {"repository", "a/b", {"pull"}}));
  EXPECT_TRUE(Covers(encoded, {"repository", "a/b", {"push", "pull"}}));
  EXPECT_FALSE(Covers(encoded, {"repository", "a/b", {"delete"}}));
  EXPECT_FALSE(Covers(encoded, {"repository", "a/b", {"pull", "delete"}}));
  EXPECT_FALSE(Covers(encoded, {"repository", "a/b", {"*"}}));
  EXPECT_FALSE(Covers(encoded, {"registry", "a/b", {"pull"}}));
  EXPECT_FALSE(Covers(encoded, {"repository", "a/bb", {"pull"}}));
  EXPECT_TRUE(Covers(encoded, {"repository", "c", {"delete"}}));
  EXPECT_TRUE(Covers(encoded, {"repository", "c", {"*"}}));
  EXPECT_FALSE(Covers(encoded, {"repository", "c", {"fly"}}));
  EXPECT_FALSE(Covers("", {"repository", "a/b", {"pull"}}));
}

TEST(TokenAccessTest, ActionsOfARepositoryThatCameTwiceAddUp) {
  const std::string encoded =
      Encoded({{"repository", "a", {"pull"}}, {"repository", "a", {"push"}}});
  EXPECT_TRUE(Covers(encoded, {"repository", "a", {"pull", "push"}}));
}

TEST(TokenAccessTest, ActionsThatNobodyKnowsAreLeftOut) {
  EXPECT_EQ(Encoded({{"repository", "a", {}}, {"repository", "a", {"fly"}}}), "");
}

TEST(TokenAccessTest, OnlyWhoeverHasTheKeyCanTellWhatItIsFor) {
  const std::string other_key(32, 'o');
  const std::string encoded = Encoded({{"repository", "a", {"pull"}}});
  EXPECT_NE(encoded, Encoded({{"repository", "a", {"pull"}}}, other_key));
  EXPECT_FALSE(Covers(encoded, {"repository", "a", {"pull"}}, other_key));
}

TEST(TokenAccessTest, TextThatIsNotItsOwnIsRefused) {
  for (const char* text : {"!", "AAAA", "AAAAAAAA", "AAAAAAAAAAAAA", "AAAAAAAAAAAAAAAA"}) {
    EXPECT_FALSE(TokenAccess::Decode(Key(), text).has_value()) << text;
  }
}

}  // namespace
}  // namespace registry::controlplane
