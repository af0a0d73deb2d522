#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/utf8.h"
#include "controlplane/passwords.h"
#include "controlplane/policy/holder.h"

namespace registry::controlplane {
namespace {

using ::testing::HasSubstr;

constexpr char kHash[] = "$2b$04$abcdefghijklmnopqrstuu8fcBr6CKQK.lNKpSKcx8pBjK5/zNFDK";
constexpr char kOtherHash[] = "$2b$05$abcdefghijklmnopqrstuu8fcBr6CKQK.lNKpSKcx8pBjK5/zNFDK";

User MakeUser(std::string name, std::set<std::string> groups = {}, std::string hash = kHash) {
  return {.name = std::move(name),
          .password_hash = std::move(hash),
          .groups = std::move(groups),
          .credential_version = ""};
}

User Admin(std::string hash = kHash) { return MakeUser("admin", {"admins"}, std::move(hash)); }

Role MakeRole(std::string name, std::set<Resource> resources, std::set<Verb> verbs) {
  return {.name = std::move(name), .resources = std::move(resources), .verbs = std::move(verbs)};
}

RoleBinding Bind(std::string name, Subject subject, std::string role,
                 std::vector<std::string> scopes) {
  return {.name = std::move(name),
          .subjects = {std::move(subject)},
          .role = std::move(role),
          .scopes = std::move(scopes)};
}

Subject UserNamed(std::string name) { return {Subject::Kind::kUser, std::move(name)}; }
Subject GroupNamed(std::string name) { return {Subject::Kind::kGroup, std::move(name)}; }

Policy MakePolicy(std::vector<User> users) {
  PolicyObjects objects;
  objects.users = std::move(users);
  return Policy::Create(std::move(objects)).value();
}

PolicySnapshot Snapshot(std::vector<User> users, int64_t revision) {
  return {.policy = std::make_shared<const Policy>(MakePolicy(std::move(users))),
          .revision = revision};
}

// A company: administrators, a public mirror, team folders, a CI that releases tags only.
PolicyObjects Company() {
  const std::set<Resource> all(std::begin(kAllResources), std::end(kAllResources));
  const std::set<Resource> content = {Resource::kCatalog, Resource::kBlobs, Resource::kManifests};
  PolicyObjects objects;
  objects.users = {Admin(),
                   MakeUser("anonymous", {"public"}, ""),
                   MakeUser("alice", {"team-a", "public"}),
                   MakeUser("bob", {"team-b"}),
                   MakeUser("ci"),
                   MakeUser("reader"),
                   MakeUser("mirror"),
                   MakeUser("org"),
                   MakeUser("flat"),
                   MakeUser("project"),
                   MakeUser("nobody")};
  objects.roles = {MakeRole("admins", all, {std::begin(kAllVerbs), std::end(kAllVerbs)}),
                   MakeRole("readonly", content, {Verb::kGet, Verb::kHead}),
                   MakeRole("getter", {Resource::kManifests}, {Verb::kGet}),
                   MakeRole("header", {Resource::kManifests}, {Verb::kHead}),
                   MakeRole("readwrite", content,
                            {Verb::kGet, Verb::kHead, Verb::kPost, Verb::kPut, Verb::kPatch}),
                   MakeRole("lister", {Resource::kTags}, {Verb::kGet}),
                   MakeRole("pusher", {Resource::kBlobs, Resource::kManifests},
                            {Verb::kPost, Verb::kPut, Verb::kPatch})};
  objects.bindings = {
      Bind("admins", GroupNamed("admins"), "admins", {"^.*$"}),
      Bind("public-catalog", GroupNamed("public"), "readonly", {"^$"}),
      Bind("public-library", GroupNamed("public"), "readonly", {"^library/.*$"}),
      Bind("team-a", GroupNamed("team-a"), "readwrite", {"^team-a/.+$"}),
      Bind("team-a-lists", GroupNamed("team-a"), "lister", {"^team-a/"}),
      Bind("team-b-exact", UserNamed("bob"), "readwrite", {"^team-b/app$"}),
      Bind("team-b-latest", GroupNamed("team-b"), "getter", {"^team-b/app:latest$"}),
      Bind("ci-releases", UserNamed("ci"), "pusher", {"^team-a/app$", "^team-a/app:v[0-9]+$"}),
      Bind("ci-heads", UserNamed("ci"), "header", {"^team-a/app(:.+)?$"}),
      Bind("anywhere-b", UserNamed("bob"), "lister", {"shared"}),
      // The scopes of the Go original's documentation that are not among those above.
      Bind("repositories", UserNamed("reader"), "readonly", {"^.+$"}),
      Bind("all", UserNamed("mirror"), "readonly", {"^.*$"}),
      Bind("org-parts", UserNamed("org"), "readwrite", {"^myorg/(app|infra)-.+$"}),
      Bind("one-level", UserNamed("flat"), "readonly", {"^team1/[^/]+$"}),
      Bind("project", UserNamed("project"), "readwrite", {"^team1/project(:.+)?$"})};
  return objects;
}

// "GET manifests team/app:v1", "GET catalog".
Action ParseAction(absl::string_view text) {
  const std::vector<absl::string_view> words = absl::StrSplit(text, ' ');
  Action action{.resource = *ParseResource(words[1]),
                .verb = *ParseVerb(words[0]),
                .repository = std::nullopt,
                .tag = std::nullopt};
  if (words.size() == 2) return action;
  const std::vector<absl::string_view> target = absl::StrSplit(words[2], absl::MaxSplits(':', 1));
  action.repository = oci::RepositoryName::Parse(target[0]).value();
  if (target.size() > 1) action.tag = oci::Tag::Parse(target[1]).value();
  return action;
}

struct DecisionCase {
  const char* user;
  const char* action;
  // Empty: denied.
  const char* binding;
};

constexpr DecisionCase kDecisions[] = {
    // Administrators.
    {"admin", "GET catalog", "admins"},
    {"admin", "GET blobs a/b", "admins"},
    {"admin", "HEAD blobs a/b", "admins"},
    {"admin", "POST blobs a/b", "admins"},
    {"admin", "PATCH blobs a/b", "admins"},
    {"admin", "PUT blobs a/b", "admins"},
    {"admin", "DELETE blobs a/b", "admins"},
    {"admin", "GET manifests a/b:v1", "admins"},
    {"admin", "PUT manifests a/b:v1", "admins"},
    {"admin", "PUT manifests a/b", "admins"},
    {"admin", "DELETE manifests a/b", "admins"},
    {"admin", "GET tags a/b", "admins"},
    {"admin", "GET tags a/b:v1", "admins"},
    // Anonymous clients: the catalog and library/, reading only.
    {"anonymous", "GET catalog", "public-catalog"},
    {"anonymous", "HEAD catalog", "public-catalog"},
    {"anonymous", "GET blobs library/busybox", "public-library"},
    {"anonymous", "HEAD blobs library/busybox", "public-library"},
    {"anonymous", "GET manifests library/busybox:1.36", "public-library"},
    {"anonymous", "HEAD manifests library/busybox:1.36", "public-library"},
    {"anonymous", "GET manifests library/busybox", "public-library"},
    {"anonymous", "GET manifests library/deep/er:v1", "public-library"},
    {"anonymous", "GET tags library/busybox", ""},
    {"anonymous", "POST blobs library/busybox", ""},
    {"anonymous", "PATCH blobs library/busybox", ""},
    {"anonymous", "PUT manifests library/busybox:1.36", ""},
    {"anonymous", "DELETE manifests library/busybox:1.36", ""},
    {"anonymous", "DELETE blobs library/busybox", ""},
    {"anonymous", "GET blobs library2/busybox", ""},
    {"anonymous", "GET blobs my/library/busybox", ""},
    {"anonymous", "GET manifests team-a/app:v1", ""},
    // Several bindings: another binding may allow what one does not.
    {"alice", "GET catalog", "public-catalog"},
    {"alice", "GET blobs library/busybox", "public-library"},
    {"alice", "GET manifests library/busybox:1.36", "public-library"},
    {"alice", "PUT manifests library/busybox:1.36", ""},
    {"alice", "POST blobs team-a/app", "team-a"},
    {"alice", "PATCH blobs team-a/app", "team-a"},
    {"alice", "PUT blobs team-a/app", "team-a"},
    {"alice", "GET blobs team-a/app", "team-a"},
    {"alice", "HEAD blobs team-a/app", "team-a"},
    {"alice", "PUT manifests team-a/app:v1", "team-a"},
    {"alice", "PUT manifests team-a/app", "team-a"},
    {"alice", "GET manifests team-a/app:v1", "team-a"},
    {"alice", "GET manifests team-a/a/b/c:v1", "team-a"},
    {"alice", "GET tags team-a/app", "team-a-lists"},
    {"alice", "HEAD tags team-a/app", "team-a-lists"},
    {"alice", "GET tags team-a/app:v1", "team-a-lists"},
    {"alice", "GET tags library/busybox", ""},
    // No DELETE in the role: an upload is cancelled with POST, a manifest cannot be deleted.
    {"alice", "DELETE blobs team-a/app", ""},
    {"alice", "DELETE manifests team-a/app:v1", ""},
    {"alice", "DELETE manifests team-a/app", ""},
    {"alice", "GET blobs team-b/app", ""},
    {"alice", "PUT manifests team-b/app:v1", ""},
    {"alice", "GET blobs team-ab/app", ""},
    // A scope that ends after the name matches no tag.
    {"bob", "GET blobs team-b/app", "team-b-exact"},
    {"bob", "POST blobs team-b/app", "team-b-exact"},
    {"bob", "PUT manifests team-b/app", "team-b-exact"},
    {"bob", "GET manifests team-b/app", "team-b-exact"},
    {"bob", "PUT manifests team-b/app:v1", ""},
    {"bob", "GET manifests team-b/app:v1", ""},
    {"bob", "GET blobs team-b/app2", ""},
    {"bob", "GET blobs x/team-b/app", ""},
    // One tag, and GET implies HEAD.
    {"bob", "GET manifests team-b/app:latest", "team-b-latest"},
    {"bob", "HEAD manifests team-b/app:latest", "team-b-latest"},
    {"bob", "PUT manifests team-b/app:latest", ""},
    {"bob", "GET manifests team-b/app:latest2", ""},
    {"bob", "GET catalog", ""},
    // Scopes are not anchored by themselves.
    {"bob", "GET tags my/shared/thing", "anywhere-b"},
    {"bob", "GET tags thing:shared", "anywhere-b"},
    {"bob", "GET tags sharing/thing", ""},
    // Tags by a pattern; HEAD does not imply GET.
    {"ci", "POST blobs team-a/app", "ci-releases"},
    {"ci", "PATCH blobs team-a/app", "ci-releases"},
    {"ci", "PUT manifests team-a/app", "ci-releases"},
    {"ci", "PUT manifests team-a/app:v1", "ci-releases"},
    {"ci", "PUT manifests team-a/app:v20", "ci-releases"},
    {"ci", "PUT manifests team-a/app:v1-rc", ""},
    {"ci", "PUT manifests team-a/app:latest", ""},
    {"ci", "HEAD manifests team-a/app:latest", "ci-heads"},
    {"ci", "HEAD manifests team-a/app", "ci-heads"},
    {"ci", "GET manifests team-a/app:v1", ""},
    {"ci", "HEAD blobs team-a/app", ""},
    {"ci", "GET blobs team-a/app", ""},
    {"ci", "DELETE blobs team-a/app", ""},
    {"ci", "PUT manifests team-a/other:v1", ""},
    {"ci", "GET catalog", ""},
    // ^.+$ is every repository but not the catalog; ^.*$ is both. A role without tags lists none.
    {"reader", "GET blobs a", "repositories"},
    {"reader", "GET manifests a/b:v1", "repositories"},
    {"reader", "GET catalog", ""},
    {"reader", "GET tags a/b", ""},
    {"reader", "PUT manifests a/b:v1", ""},
    {"mirror", "GET catalog", "all"},
    {"mirror", "HEAD catalog", "all"},
    {"mirror", "GET blobs a/b", "all"},
    {"mirror", "HEAD manifests a/b:v1", "all"},
    {"mirror", "GET tags a/b", ""},
    {"mirror", "GET tags a/b:v1", ""},
    {"mirror", "POST blobs a/b", ""},
    // Alternatives, each with a prefix.
    {"org", "POST blobs myorg/app-web", "org-parts"},
    {"org", "PUT manifests myorg/app-web:v1", "org-parts"},
    {"org", "GET manifests myorg/infra-db/deep:v1", "org-parts"},
    {"org", "GET blobs myorg/app", ""},
    {"org", "GET blobs myorg/application", ""},
    {"org", "GET blobs myorg/other-web", ""},
    {"org", "GET blobs my/myorg/app-web", ""},
    {"org", "DELETE manifests myorg/app-web:v1", ""},
    {"org", "GET catalog", ""},
    // Exactly one level; its tags match, because a colon is not a slash.
    {"flat", "GET blobs team1/app", "one-level"},
    {"flat", "GET manifests team1/app:v1", "one-level"},
    {"flat", "GET blobs team1/app/deep", ""},
    {"flat", "GET manifests team1/app/deep:v1", ""},
    {"flat", "GET blobs team1", ""},
    // One repository, with any tag or none.
    {"project", "POST blobs team1/project", "project"},
    {"project", "PUT manifests team1/project", "project"},
    {"project", "PUT manifests team1/project:latest", "project"},
    {"project", "GET manifests team1/project:v1", "project"},
    {"project", "GET blobs team1/project2", ""},
    {"project", "GET manifests team1/project/deep:v1", ""},
    {"project", "GET tags team1/project", ""},
    // A user without any binding.
    {"nobody", "GET catalog", ""},
    {"nobody", "GET blobs library/busybox", ""},
    {"nobody", "GET manifests library/busybox:1.36", ""},
};

TEST(PolicyTest, DecidesAsTheTableSays) {
  static_assert(std::size(kDecisions) >= 110);
  const Policy policy = Policy::Create(Company()).value();
  for (const DecisionCase& test : kDecisions) {
    const std::string shown = absl::StrCat(test.user, ": ", test.action);
    const Verdict verdict = policy.Decide(policy.FindUser(test.user), ParseAction(test.action));
    const User* user = policy.FindUser(test.user);
    EXPECT_EQ(user == nullptr ? "" : policy.Explain(*user, ParseAction(test.action)).binding,
              test.binding)
        << shown;
    EXPECT_EQ(verdict.allowed, *test.binding != '\0') << shown;
    EXPECT_EQ(verdict.reason.empty(), verdict.allowed) << shown;
  }
}

TEST(PolicyTest, ADenialSaysWhoWhatWhereAndWhatComesNearest) {
  const Policy policy = Policy::Create(Company()).value();
  const auto reason = [&](const char* user, const char* action) {
    return policy.Decide(policy.FindUser(user), ParseAction(action)).reason;
  };
  EXPECT_EQ(reason("alice", "DELETE manifests team-a/app:v1"),
            R"(user "alice" may not delete from repository "team-a/app" (DELETE manifests, tag )"
            R"("v1"): role binding "team-a" gives the role "readwrite" there, which has no DELETE )"
            R"(on manifests)");
  EXPECT_EQ(reason("bob", "PUT manifests team-b/app:v1"),
            R"(user "bob" may not push to repository "team-b/app" (PUT manifests, tag "v1"): role )"
            R"(binding "team-b-exact" allows it, but none of its scopes matches "team-b/app:v1")");
  EXPECT_EQ(reason("nobody", "GET catalog"),
            R"(user "nobody" may not list the repositories (GET catalog): no role binding names )"
            R"(this user or one of the user's groups)");
  // Anonymous clients do not learn what exists.
  EXPECT_EQ(reason("anonymous", "PUT manifests library/busybox:1"),
            R"(anonymous clients may not push to repository "library/busybox" (PUT manifests, tag )"
            R"("1"): log in)");
  EXPECT_EQ(policy.Decide(nullptr, ParseAction("GET catalog")).reason,
            "anonymous clients may not list the repositories (GET catalog): log in");
}

TEST(PolicyTest, ATokenMayCarryWhatSomeTagAllows) {
  const Policy policy = Policy::Create(Company()).value();
  const auto could = [&](const char* user, const char* repository, TokenAction action) {
    return policy.CouldAllow(policy.FindUser(user), oci::RepositoryName::Parse(repository).value(),
                             action);
  };
  EXPECT_TRUE(could("ci", "team-a/app", TokenAction::kPush));
  EXPECT_TRUE(could("ci", "team-a/app", TokenAction::kPull));
  EXPECT_FALSE(could("ci", "team-a/app", TokenAction::kDelete));
  EXPECT_FALSE(could("ci", "team-a/other", TokenAction::kPush));
  EXPECT_TRUE(could("bob", "team-b/app", TokenAction::kPush));
  EXPECT_FALSE(could("bob", "team-b/other", TokenAction::kPush));
  EXPECT_TRUE(could("anonymous", "library/busybox", TokenAction::kPull));
  EXPECT_FALSE(could("anonymous", "library/busybox", TokenAction::kPush));
  EXPECT_FALSE(could("nobody", "library/busybox", TokenAction::kPull));
  EXPECT_FALSE(
      policy.CouldAllow(nullptr, oci::RepositoryName::Parse("a").value(), TokenAction::kPull));
}

TEST(PolicyTest, ScopesBoundWhereReadableNamesCanBe) {
  const Policy policy = Policy::Create(Company()).value();
  const std::vector<NameRange> ranges = policy.ReadableNames(policy.FindUser("alice"));
  const auto inside = [&](const std::string& name) {
    return std::any_of(ranges.begin(), ranges.end(), [&](const NameRange& range) {
      return range.first <= name && name <= range.last;
    });
  };
  EXPECT_TRUE(inside("library/busybox"));
  EXPECT_TRUE(inside("team-a/app"));
  EXPECT_FALSE(inside("aaa"));
  EXPECT_FALSE(inside("team-b/app"));
  EXPECT_FALSE(inside("zzz"));
  for (const NameRange& range : ranges) {
    EXPECT_TRUE(base::IsUtf8Text(range.first)) << range.first;
    EXPECT_TRUE(base::IsUtf8Text(range.last)) << range.last;
  }
  EXPECT_TRUE(policy.ReadableNames(policy.FindUser("nobody")).empty());
}

// For every pair of these scopes, whatever may be read is where the ranges say, as a whole or by a
// tag.
TEST(PolicyTest, EveryNameThatMayBeReadIsInTheRanges) {
  const std::vector<std::string> scopes = {"^team/app$",         "^team/app:v1$",
                                           "^team/app-x(:.+)?$", "^team/app(-[a-z]+)?:v[0-9]+$",
                                           "^app[0-9]*:prod$",   "^team/app.x:v1$",
                                           "^team/(a|b)/c:v1$",  "^team/a/b(/c)?(:v1)?$",
                                           "^a-?b?(:.*)?$",      "^team/app/[^/]+:v1$",
                                           "^[[:alpha:](]a|b$",  "^team",
                                           "^t.*:v1$",           "^team/app:(v1|prod)$",
                                           "^a(b:v1)?$",         "^$"};
  const std::vector<std::string> names = {
      "a",          "ab",         "a-b",        "app",      "app1",     "app12",      "b",
      "team/a",     "team/a/b",   "team/a/b/c", "team/a/c", "team/app", "team/app-a", "team/app-x",
      "team/app.x", "team/app/x", "team/app0",  "team/b/c", "team/zoo", "zoo"};
  int readable = 0;
  for (const std::string& one : scopes) {
    for (const std::string& other : scopes) {
      PolicyObjects objects = AdministratorOnly("root", kHash);
      objects.bindings[0].scopes = {one, other};
      const Policy policy = Policy::Create(objects).value();
      const User* user = policy.FindUser("root");
      const std::vector<NameRange> ranges = policy.ReadableNames(user);
      for (const std::string& text : names) {
        const oci::RepositoryName name = *oci::RepositoryName::Parse(text);
        bool may_read = policy.MayRead(user, name);
        for (const char* tag : {"v1", "prod", "x"}) {
          may_read = may_read || policy.MayRead(user, name, *oci::Tag::Parse(tag));
        }
        if (!may_read) continue;
        ++readable;
        EXPECT_TRUE(std::any_of(
            ranges.begin(), ranges.end(),
            [&](const NameRange& range) { return range.first <= text && text <= range.last; }))
            << text << " by " << one << " or " << other;
      }
      for (size_t i = 1; i < ranges.size(); ++i) EXPECT_GT(ranges[i].first, ranges[i - 1].last);
    }
  }
  EXPECT_GT(readable, 500);
}

TEST(PolicyTest, OneAdministratorMayDoEverything) {
  const Policy policy = Policy::Create(AdministratorOnly("root", kHash)).value();
  for (const DecisionCase& test : kDecisions) {
    EXPECT_TRUE(policy.Decide(policy.FindUser("root"), ParseAction(test.action)).allowed);
  }
  EXPECT_EQ(policy.anonymous(), nullptr);
}

TEST(PolicyTest, FindsTokensByTheirValue) {
  PolicyObjects objects = Company();
  objects.tokens = {{.name = "t",
                     .value_hash = HashTokenValue("a-value-of-a-token"),
                     .user = "ci",
                     .expires_at_ms = 5}};
  const Policy policy = Policy::Create(std::move(objects)).value();
  ASSERT_NE(policy.FindToken("a-value-of-a-token"), nullptr);
  EXPECT_EQ(policy.FindToken("a-value-of-a-token")->user, "ci");
  EXPECT_EQ(policy.FindToken("a-value-of-a-toke"), nullptr);
  EXPECT_EQ(policy.FindToken(""), nullptr);
}

TEST(PolicyTest, RefusesObjectsThatDoNotFit) {
  const auto error = [](const std::function<void(PolicyObjects&)>& change) {
    PolicyObjects objects = Company();
    change(objects);
    return std::string(Policy::Create(std::move(objects)).status().message());
  };
  EXPECT_THAT(
      error([](PolicyObjects& o) { o.bindings[0].role = "none"; }),
      HasSubstr(R"(role binding "admins" refers to the role "none", which does not exist)"));
  EXPECT_THAT(error([](PolicyObjects& o) { o.bindings[0].scopes = {"("}; }),
              HasSubstr("not a regular expression"));
  EXPECT_THAT(error([](PolicyObjects& o) { o.roles.push_back(o.roles[0]); }),
              HasSubstr(R"(two roles named "admins")"));
  EXPECT_THAT(error([](PolicyObjects& o) { o.bindings.push_back(o.bindings[0]); }),
              HasSubstr(R"(role binding "admins" is defined twice)"));
  EXPECT_THAT(error([](PolicyObjects& o) {
                o.tokens = {{"t", "value", "ghost", {}}};
              }),
              HasSubstr(R"(user "ghost", who does not exist)"));
  EXPECT_THAT(error([](PolicyObjects& o) {
                o.tokens = {{"t", "value", "ci", {}}, {"u", "value", "ci", {}}};
              }),
              HasSubstr("the value of another token"));
}

TEST(PolicyTest, ACredentialVersionFollowsThePasswordHash) {
  const Policy first = MakePolicy({Admin()});
  const Policy same = MakePolicy({Admin()});
  const Policy changed = MakePolicy({Admin(kOtherHash)});
  EXPECT_NE(first.FindUser("admin")->credential_version, "");
  EXPECT_EQ(first.FindUser("admin")->credential_version,
            same.FindUser("admin")->credential_version);
  EXPECT_NE(first.FindUser("admin")->credential_version,
            changed.FindUser("admin")->credential_version);
}

TEST(PolicyTest, TheDecoyCostsAsMuchAsTheCostliestUser) {
  EXPECT_EQ(BcryptCostOf(MakePolicy({Admin(kOtherHash), MakeUser("bob")}).decoy_hash()), 5);
  EXPECT_EQ(BcryptCostOf(MakePolicy({}).decoy_hash()), kBcryptCost);
}

TEST(PolicyTest, RefusesUsersThatCannotBe) {
  const auto error = [](std::vector<User> users) {
    PolicyObjects objects;
    objects.users = std::move(users);
    return std::string(Policy::Create(std::move(objects)).status().message());
  };
  const auto error_of_name = [&](std::string name) {
    User user = Admin();
    user.name = std::move(name);
    return error({user});
  };
  EXPECT_THAT(error({Admin(), Admin()}), HasSubstr(R"(two users named "admin")"));
  EXPECT_THAT(error({Admin("secret")}), HasSubstr(R"(user "admin": invalid bcrypt hash)"));
  EXPECT_THAT(error_of_name(""), HasSubstr("empty"));
  EXPECT_THAT(error_of_name("a:b"), HasSubstr("colon"));
  EXPECT_THAT(error_of_name("a\nb"), HasSubstr("control character"));
  EXPECT_THAT(error_of_name("\xff"), HasSubstr("UTF-8"));
  EXPECT_THAT(error_of_name(std::string(256, 'a')), HasSubstr("255 bytes"));
  EXPECT_EQ(error_of_name("jürgen@example.com"), "");
}

TEST(PolicyHolderTest, AReplacementRaisesTheRevisionAndTellsListeners) {
  PolicyHolder holder(Snapshot({Admin()}, 1));
  const PolicySnapshot before = holder.Current();
  EXPECT_EQ(before.revision, 1);
  int calls = 0;
  const int64_t id = holder.AddListener([&] { ++calls; });

  holder.Replace(Snapshot({MakeUser("bob")}, 2));
  EXPECT_EQ(holder.revision(), 2);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(holder.Current().policy->FindUser("admin"), nullptr);
  // An earlier snapshot keeps the old policy.
  EXPECT_NE(before.policy->FindUser("admin"), nullptr);

  holder.RemoveListener(id);
  holder.Replace(Snapshot({}, 3));
  EXPECT_EQ(holder.revision(), 3);
  // An older policy that arrives late changes nothing.
  holder.Replace(Snapshot({Admin()}, 2));
  EXPECT_EQ(holder.Current().policy->FindUser("admin"), nullptr);
  EXPECT_EQ(holder.revision(), 3);
  EXPECT_EQ(calls, 1);
}

TEST(PolicyHolderTest, ASnapshotIsNeverAMix) {
  // Odd revisions know the admin, even ones do not.
  PolicyHolder holder(Snapshot({Admin()}, 1));
  std::atomic<bool> stop = false;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      int64_t last = 0;
      while (!stop) {
        const PolicySnapshot now = holder.Current();
        EXPECT_GE(now.revision, last);
        EXPECT_EQ(now.policy->FindUser("admin") != nullptr, now.revision % 2 == 1);
        last = now.revision;
      }
    });
  }
  for (int i = 0; i < 500; ++i) {
    holder.Replace(Snapshot(i % 2 == 0 ? std::vector<User>{} : std::vector<User>{Admin()}, i + 2));
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(holder.revision(), 501);
}

}  // namespace
}  // namespace registry::controlplane
