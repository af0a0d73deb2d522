#include "oci/scope.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace registry::oci {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ScopeTest, ParsesSeveralSeparatedBySpaces) {
  EXPECT_THAT(ParseScopes("repository:team/app:pull,push  registry:catalog:*"),
              ElementsAre(Scope{"repository", "team/app", {"pull", "push"}},
                          Scope{"registry", "catalog", {"*"}}));
}

TEST(ScopeTest, AClassInParenthesesIsIgnored) {
  EXPECT_THAT(ParseScopes("repository(plugin):team/app:pull"),
              ElementsAre(Scope{"repository", "team/app", {"pull"}}));
}

TEST(ScopeTest, ANameMayHoldColons) {
  EXPECT_THAT(ParseScopes("repository:host:5000/team/app:pull"),
              ElementsAre(Scope{"repository", "host:5000/team/app", {"pull"}}));
}

TEST(ScopeTest, NoActionsIsAScopeWithoutActions) {
  EXPECT_THAT(ParseScopes("repository:a:"), ElementsAre(Scope{"repository", "a", {}}));
  EXPECT_THAT(ParseScopes("repository:a:,,pull,"), ElementsAre(Scope{"repository", "a", {"pull"}}));
}

TEST(ScopeTest, LeavesOutWhatIsMalformed) {
  for (const char* text : {"", " ", "repository", "repository:a", ":", "::", ":a:pull",
                           "repository::pull", "(x):a:pull"}) {
    EXPECT_THAT(ParseScopes(text), IsEmpty()) << text;
  }
  EXPECT_THAT(ParseScopes("nonsense repository:a:pull ::"),
              ElementsAre(Scope{"repository", "a", {"pull"}}));
}

TEST(ScopeTest, ReturnsAllOfVeryMany) {
  std::string text;
  for (int i = 0; i < 1000; ++i) absl::StrAppend(&text, "repository:a", i, ":pull ");
  EXPECT_EQ(ParseScopes(text).size(), 1000u);
}

TEST(ScopeTest, ToStringIsParsedAgain) {
  const Scope scope{"repository", "team/app", {"pull", "push"}};
  EXPECT_EQ(scope.ToString(), "repository:team/app:pull,push");
  EXPECT_THAT(ParseScopes(scope.ToString()), ElementsAre(scope));
}

}  // namespace
}  // namespace registry::oci
