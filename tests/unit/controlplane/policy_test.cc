#include "controlplane/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "controlplane/passwords.h"

namespace registry::controlplane {
namespace {

using ::testing::HasSubstr;

constexpr char kHash[] = "$2b$04$abcdefghijklmnopqrstuu8fcBr6CKQK.lNKpSKcx8pBjK5/zNFDK";
constexpr char kOtherHash[] = "$2b$05$abcdefghijklmnopqrstuu8fcBr6CKQK.lNKpSKcx8pBjK5/zNFDK";

User Admin(std::string hash = kHash) {
  return {.name = "admin",
          .password_hash = std::move(hash),
          .administrator = true,
          .credential_version = ""};
}

User Bob() {
  return {.name = "bob", .password_hash = kHash, .administrator = false, .credential_version = ""};
}

Policy MakePolicy(std::vector<User> users) { return Policy::Create(std::move(users)).value(); }

Action MakeAction(Resource resource, Verb verb, const char* repository, const char* tag = "") {
  Action action{.resource = resource, .verb = verb, .repository = {}, .tag = {}};
  if (*repository != '\0') action.repository = oci::RepositoryName::Parse(repository).value();
  if (*tag != '\0') action.tag = oci::Tag::Parse(tag).value();
  return action;
}

struct DecisionCase {
  const char* user;  // empty: anonymous
  Action action;
  bool allowed;
  const char* reason;
};

TEST(PolicyTest, DecidesAsTheTableSays) {
  const Policy policy = MakePolicy({Admin(), Bob()});
  const DecisionCase cases[] = {
      {"admin", MakeAction(Resource::kBlobs, Verb::kGet, "a/b"), true, ""},
      {"admin", MakeAction(Resource::kBlobs, Verb::kHead, "a/b"), true, ""},
      {"admin", MakeAction(Resource::kBlobs, Verb::kPost, "a/b"), true, ""},
      {"admin", MakeAction(Resource::kBlobs, Verb::kPatch, "a/b"), true, ""},
      {"admin", MakeAction(Resource::kBlobs, Verb::kDelete, "a/b"), true, ""},
      {"admin", MakeAction(Resource::kManifests, Verb::kPut, "a/b", "v1"), true, ""},
      {"admin", MakeAction(Resource::kManifests, Verb::kDelete, "a/b"), true, ""},
      {"admin", MakeAction(Resource::kTags, Verb::kGet, "a/b"), true, ""},
      {"admin", MakeAction(Resource::kCatalog, Verb::kGet, ""), true, ""},
      {"bob", MakeAction(Resource::kManifests, Verb::kPut, "a/b", "v1"), false,
       R"(user "bob" may not push to repository "a/b" (PUT manifests, tag "v1"): only an )"
       R"(administrator may)"},
      {"bob", MakeAction(Resource::kBlobs, Verb::kDelete, "a/b"), false,
       R"(user "bob" may not delete from repository "a/b" (DELETE blobs): only an administrator )"
       R"(may)"},
      {"bob", MakeAction(Resource::kCatalog, Verb::kGet, ""), false,
       R"(user "bob" may not list the repositories (GET catalog): only an administrator may)"},
      {"", MakeAction(Resource::kManifests, Verb::kHead, "a/b", "v1"), false,
       R"(anonymous clients may not pull from repository "a/b" (HEAD manifests, tag "v1"): log in)"},
      {"", MakeAction(Resource::kBlobs, Verb::kPatch, "a/b"), false,
       R"(anonymous clients may not push to repository "a/b" (PATCH blobs): log in)"},
      {"", MakeAction(Resource::kTags, Verb::kGet, "a/b"), false,
       R"(anonymous clients may not pull from repository "a/b" (GET tags): log in)"},
  };
  for (const DecisionCase& test : cases) {
    const Verdict verdict = policy.Decide(policy.FindUser(test.user), test.action);
    EXPECT_EQ(verdict.allowed, test.allowed) << test.reason;
    EXPECT_EQ(verdict.reason, test.reason);
  }
}

TEST(PolicyTest, OnlyAdministratorsCouldBeAllowedAScope) {
  const Policy policy = MakePolicy({Admin(), Bob()});
  const oci::RepositoryName repository = oci::RepositoryName::Parse("a/b").value();
  for (TokenAction action : {TokenAction::kPull, TokenAction::kPush, TokenAction::kDelete}) {
    EXPECT_TRUE(policy.CouldAllow(policy.FindUser("admin"), repository, action));
    EXPECT_FALSE(policy.CouldAllow(policy.FindUser("bob"), repository, action));
    EXPECT_FALSE(policy.CouldAllow(nullptr, repository, action));
  }
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
  EXPECT_EQ(BcryptCostOf(MakePolicy({Admin(kOtherHash), Bob()}).decoy_hash()), 5);
  EXPECT_EQ(BcryptCostOf(MakePolicy({}).decoy_hash()), kBcryptCost);
}

TEST(PolicyTest, RefusesUsersThatCannotBe) {
  const auto error = [](std::vector<User> users) {
    return std::string(Policy::Create(std::move(users)).status().message());
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
  EXPECT_THAT(error_of_name("anonymous"), HasSubstr("do not log in"));
  EXPECT_THAT(error_of_name(std::string(256, 'a')), HasSubstr("255 bytes"));
  EXPECT_EQ(error_of_name("jürgen@example.com"), "");
}

TEST(PolicyHolderTest, AReplacementRaisesTheRevisionAndTellsListeners) {
  PolicyHolder holder(MakePolicy({Admin()}));
  const PolicySnapshot before = holder.Current();
  EXPECT_EQ(before.revision, 1);
  int calls = 0;
  const int64_t id = holder.AddListener([&] { ++calls; });

  EXPECT_EQ(holder.Replace(MakePolicy({Bob()})), 2);
  EXPECT_EQ(holder.revision(), 2);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(holder.Current().policy->FindUser("admin"), nullptr);
  // Who began before keeps what was.
  EXPECT_NE(before.policy->FindUser("admin"), nullptr);

  holder.RemoveListener(id);
  EXPECT_EQ(holder.Replace(MakePolicy({})), 3);
  EXPECT_EQ(calls, 1);
}

TEST(PolicyHolderTest, ASnapshotIsNeverAMix) {
  // Odd revisions know the admin, even ones do not.
  PolicyHolder holder(MakePolicy({Admin()}));
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
    holder.Replace(i % 2 == 0 ? MakePolicy({}) : MakePolicy({Admin()}));
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(holder.revision(), 501);
}

}  // namespace
}  // namespace registry::controlplane
