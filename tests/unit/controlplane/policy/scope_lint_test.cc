#include "controlplane/policy/scope_lint.h"

#include <gtest/gtest.h>

namespace registry::controlplane {
namespace {

TEST(ScopeLintTest, KnowsScopesThatMatchNoTag) {
  for (const char* scope :
       {"^team/app$", "^app$", "^team/app-v1_2$", R"(^team/my\.app$)", "^team/(app|web)$",
        "^(?:team|guests)/app$", "^team/[a-z]+$", "^team/[a-z0-9._-]+$", "^a{2,3}$",
        "^team/(app)?$", "team/app$", "^team/app$|^team/web$", "^$|^team/app$",
        "^team/app$|guests/web$", "^team/[^:]+$", "^team/[^/:]+$", "^[^:]+/app$"}) {
    EXPECT_TRUE(ScopeNeverMatchesTag(scope)) << scope;
  }
  for (const char* scope : {"^$",
                            "^.*$",
                            "^.+$",
                            "^team/.+$",
                            "^team1/project(:.+)?$",
                            "^team1/[^/]+$",
                            "^team/app",
                            "app$",
                            "team/?app$",
                            "(team/)?app$",
                            "^team/app$|^team/.+$",
                            "^$|^$",
                            "^team/app:v1$",
                            "^team/app|web$",
                            "^team/[^/]+$",
                            "^team/[^ab]+$",
                            "^[^:]*$",
                            "^team/[^0-:]+[^:-z]$",
                            "^team.app$",
                            "^(app)?$",
                            "^a*$",
                            R"(^team/\S+$)",
                            R"(^team/app\$)",
                            "^team/[!-z]+$",
                            "^team/[[:ascii:]]+$",
                            "^(?i)a$",
                            "^(?P<n>a)$",
                            "^a[",
                            "(",
                            ""}) {
    EXPECT_FALSE(ScopeNeverMatchesTag(scope)) << scope;
  }
}

TEST(ScopeLintTest, KnowsScopesThatMatchNoName) {
  for (const char* scope : {"^TEAM/.+$", "^Team", "^/team/.+$", "^team//app$", "^team/-app",
                            "^registry@x", "^_team/.+$"}) {
    EXPECT_TRUE(ScopeNeverMatches(scope)) << scope;
  }
  for (const char* scope :
       {"", "^", "^$", ".", "^.*$", "^team/.+$", "^team/$", "^team:LATEST$", "(?i)^TEAM/",
        "^(TEAM|team)/", "TEAM", "^T*eam", "^[a-z]+$", "^team-a_b.c/", "("}) {
    EXPECT_FALSE(ScopeNeverMatches(scope)) << scope;
  }
}

}  // namespace
}  // namespace registry::controlplane
