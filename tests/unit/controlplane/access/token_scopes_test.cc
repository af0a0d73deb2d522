#include "controlplane/access/token_scopes.h"

#include <gtest/gtest.h>

#include "controlplane/access/token_access.h"
#include "oci/scope.h"

namespace registry::controlplane {
namespace {

Action On(const char* repository, Verb verb, Resource resource = Resource::kManifests) {
  return {.resource = resource,
          .verb = verb,
          .repository = oci::RepositoryName::Parse(repository).value(),
          .tag = std::nullopt};
}

Action Catalog() {
  return {.resource = Resource::kCatalog,
          .verb = Verb::kGet,
          .repository = std::nullopt,
          .tag = std::nullopt};
}

TEST(TokenScopesTest, CoversAsTheTableSays) {
  const struct {
    const char* access;
    Action action;
    bool covered;
  } cases[] = {
      {"repository:a/b:pull", On("a/b", Verb::kGet), true},
      {"repository:a/b:pull", On("a/b", Verb::kHead), true},
      {"repository:a/b:pull", On("a/b", Verb::kGet, Resource::kTags), true},
      {"repository:a/b:pull", On("a/b", Verb::kPut), false},
      {"repository:a/b:pull", On("a/b", Verb::kDelete), false},
      {"repository:a/b:push", On("a/b", Verb::kPost), true},
      {"repository:a/b:push", On("a/b", Verb::kPatch), true},
      {"repository:a/b:push", On("a/b", Verb::kPut), true},
      {"repository:a/b:push", On("a/b", Verb::kGet), false},
      {"repository:a/b:push", On("a/b", Verb::kDelete), false},
      {"repository:a/b:delete", On("a/b", Verb::kDelete), true},
      {"repository:a/b:*", On("a/b", Verb::kDelete), true},
      {"repository:a/b:*", On("a/b", Verb::kPut), true},
      {"repository:a/b:*", On("a/bc", Verb::kPut), false},
      {"repository:a/b:*", On("a", Verb::kPut), false},
      {"repository:a:pull repository:b:push", On("b", Verb::kPut), true},
      {"repository:a:pull repository:b:push", On("a", Verb::kPut), false},
      {"registry:catalog:*", Catalog(), true},
      {"repository:catalog:*", Catalog(), false},
      {"registry:catalog:*", On("catalog", Verb::kGet), false},
      {"", Catalog(), false},
      {"", On("a", Verb::kGet), false},
  };
  for (const auto& test : cases) {
    TokenAccess access(std::string(32, 'k'));
    for (const oci::Scope& scope : oci::ParseScopes(test.access)) access.Add(scope);
    EXPECT_EQ(access.Covers(ScopeFor(test.action)), test.covered)
        << test.access << " for " << ScopeFor(test.action).ToString();
  }
}

TEST(TokenScopesTest, ScopesOfOneRepositoryBecomeOneAndTheLastOnesAreKept) {
  const struct {
    const char* asked;
    const char* kept;
    std::vector<std::string> left_out;
  } cases[] = {
      {"", "", {}},
      {"repository:a:pull repository:b:pull", "repository:a:pull repository:b:pull", {}},
      {"repository:a:pull repository:b:pull repository:a:push",
       "repository:b:pull repository:a:push,pull",
       {}},
      {"repository:a:pull repository:b:pull repository:c:pull",
       "repository:b:pull repository:c:pull",
       {"a"}},
      {"repository:a:pull repository:b:pull repository:a:push repository:c:pull",
       "repository:a:push,pull repository:c:pull",
       {"b"}},
      {"repository:a:pull repository:a:push repository:b:pull repository:c:pull",
       "repository:b:pull repository:c:pull",
       {"a"}},
      // A name may stand for things of two types.
      {"repository:catalog:pull registry:catalog:*",
       "repository:catalog:pull registry:catalog:*",
       {}},
  };
  for (const auto& test : cases) {
    const AskedScopes merged = MergeScopes(oci::ParseScopes(test.asked), 2);
    EXPECT_EQ(merged.kept, oci::ParseScopes(test.kept)) << test.asked;
    EXPECT_EQ(merged.left_out, test.left_out) << test.asked;
  }
}

TEST(TokenScopesTest, GrantsWhatIsBothAskedAndAllowed) {
  const char* hash = "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
  PolicyObjects objects = AdministratorOnly("admin", hash);
  objects.users.push_back(
      {.name = "bob", .password_hash = hash, .groups = {}, .credential_version = ""});
  const Policy policy = Policy::Create(std::move(objects)).value();
  const struct {
    const char* user;
    const char* asked;
    const char* granted;
  } cases[] = {
      {"admin", "repository:a/b:pull", "repository:a/b:pull"},
      {"admin", "repository:a/b:push,pull", "repository:a/b:pull,push"},
      {"admin", "repository:a/b:pull,pull,frobnicate", "repository:a/b:pull"},
      {"admin", "repository:a/b:delete", "repository:a/b:delete"},
      {"admin", "repository:a/b:*", "repository:a/b:*"},
      {"admin", "repository:UPPER:pull", "repository:UPPER:"},
      {"admin", "registry:catalog:*", "registry:catalog:*"},
      {"admin", "registry:catalog:pull", "registry:catalog:"},
      {"admin", "registry:other:*", "registry:other:"},
      {"admin", "artifact:a/b:pull", "artifact:a/b:"},
      {"bob", "repository:a/b:pull,push,delete,*", "repository:a/b:"},
      {"bob", "registry:catalog:*", "registry:catalog:"},
      {"", "repository:a/b:pull", "repository:a/b:"},
      {"", "registry:catalog:*", "registry:catalog:"},
  };
  for (const auto& test : cases) {
    const std::vector<oci::Scope> asked = oci::ParseScopes(test.asked);
    ASSERT_EQ(asked.size(), 1u) << test.asked;
    EXPECT_EQ(GrantableScope(policy, policy.FindUser(test.user), asked[0]).ToString(), test.granted)
        << test.user << " asks " << test.asked;
  }
}

}  // namespace
}  // namespace registry::controlplane
