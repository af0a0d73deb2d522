#include "controlplane/policy/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "controlplane/policy/edits.h"
#include "controlplane/policy/view.h"
#include "tests/unit/controlplane/sql/test_database.h"

namespace registry::controlplane {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kHash[] = "$2b$04$abcdefghijklmnopqrstuu8fcBr6CKQK.lNKpSKcx8pBjK5/zNFDK";
constexpr char kOtherHash[] = "$2b$05$abcdefghijklmnopqrstuu8fcBr6CKQK.lNKpSKcx8pBjK5/zNFDK";

// Objects from files: alice is in the group devs, which has the role pull everywhere.
PolicyObjects Files() {
  PolicyObjects objects;
  objects.users = {
      {.name = "alice", .password_hash = kHash, .groups = {"devs"}, .origin = "users.yaml:1"}};
  objects.roles = {{.name = "pull",
                    .resources = {Resource::kBlobs, Resource::kManifests},
                    .verbs = {Verb::kGet},
                    .origin = "roles.yaml:1"}};
  objects.bindings = {{.name = "devs-pull",
                       .subjects = {{Subject::Kind::kGroup, "devs"}},
                       .role = "pull",
                       .scopes = {".*"},
                       .origin = "bindings.yaml:1"}};
  return objects;
}

class PolicyStoreTest : public DatabaseTest {
 protected:
  PolicyStoreTest() { OpenStore(Files()); }

  void OpenStore(PolicyObjects configured) {
    store_.reset();
    if (database_ == nullptr) database_ = Open();
    store_ = PolicyStore::Open(*database_, std::move(configured)).value();
  }

  PolicySnapshot Now() { return store_->holder()->Current(); }
  const PolicyObjects& Objects() {
    snapshot_ = Now();
    return *snapshot_.objects;
  }

  absl::Status Change(PolicyStore::Edit edit, const std::string& method = "Test") {
    return store_->Change({.actor = {.principal = "root", .peer = "unix:"}, .method = method}, edit)
        .status();
  }

  absl::Status Reload(const PolicyObjects& files) {
    absl::StatusOr<PolicyStore::Replaced> replaced =
        store_->ReplaceConfigured({.actor = ThisProcess(), .method = "ReloadFiles"}, files);
    if (!replaced.ok()) return replaced.status();
    warnings_ = std::move(replaced->warnings);
    return absl::OkStatus();
  }

  absl::Status AddUser(const std::string& name, std::set<std::string> groups = {}) {
    return Change([&](PolicyObjects& o) {
      return CreateUser(o, {.name = name, .password_hash = kHash, .groups = groups});
    });
  }

  bool MayPull(const std::string& user) {
    snapshot_ = Now();
    return snapshot_.policy->Allows(snapshot_.policy->FindUser(user), PullOf("team/app"));
  }

  static Action PullOf(const std::string& repository) {
    return {.resource = Resource::kBlobs,
            .verb = Verb::kGet,
            .repository = oci::RepositoryName::Parse(repository).value()};
  }

  std::vector<AuditEvent> Audit() {
    return ListAuditEvents(*database_, std::numeric_limits<int64_t>::max(), 1000).value();
  }

  std::unique_ptr<Database> database_;
  std::unique_ptr<PolicyStore> store_;
  PolicySnapshot snapshot_;
  // Of the last reload.
  std::vector<std::string> warnings_;
};

TEST_F(PolicyStoreTest, ConfiguredObjectsApplyAndAreWrittenOnce) {
  EXPECT_TRUE(MayPull("alice"));
  const int64_t revision = Now().revision;
  EXPECT_EQ(Audit().size(), 1);
  EXPECT_EQ(Audit()[0].method, "Start");

  OpenStore(Files());
  EXPECT_EQ(Now().revision, revision);
  EXPECT_EQ(Audit().size(), 1);
  EXPECT_EQ(Objects().users[0].origin, "users.yaml:1");
}

TEST_F(PolicyStoreTest, ObjectsOfTheAdminApiSurviveARestartAndAReload) {
  ASSERT_TRUE(AddUser("bob", {"devs"}).ok());
  EXPECT_TRUE(MayPull("bob"));
  OpenStore(Files());
  EXPECT_TRUE(MayPull("bob"));
  ASSERT_TRUE(Reload(Files()).ok());
  EXPECT_TRUE(MayPull("bob"));
  EXPECT_EQ(Objects().users[1].name, "bob");
  EXPECT_EQ(Objects().users[1].origin, "");
}

TEST_F(PolicyStoreTest, EachChangeRaisesTheRevisionAndIsInTheAuditLog) {
  const int64_t before = Now().revision;
  ASSERT_TRUE(AddUser("bob", {"devs"}).ok());
  EXPECT_EQ(Now().revision, before + 1);
  const AuditEvent event = Audit()[0];
  EXPECT_EQ(event.revision, before + 1);
  EXPECT_EQ(event.actor.principal, "root");
  EXPECT_EQ(event.actor.peer, "unix:");
  EXPECT_EQ(event.method, "Test");
  EXPECT_THAT(event.detail, HasSubstr("user bob: new"));
  EXPECT_THAT(event.detail, HasSubstr(R"(group devs: new -> {"members":["bob"]})"));
  EXPECT_THAT(event.detail, Not(HasSubstr(kHash)));
}

TEST_F(PolicyStoreTest, ALongChangeIsSplitOverSeveralEventsAndLosesNothing) {
  std::vector<std::string> scopes;
  for (int i = 0; i < 100; ++i) scopes.push_back(absl::StrCat("^€", i, "/", std::string(90, 'x')));
  ASSERT_TRUE(Change([&](PolicyObjects& o) {
                return CreateRoleBinding(o, {.name = "b",
                                             .subjects = {{Subject::Kind::kUser, "alice"}},
                                             .role = "pull",
                                             .scopes = scopes});
              }).ok());
  std::string told;
  std::vector<AuditEvent> events = Audit();
  events.pop_back();  // The start.
  ASSERT_GT(events.size(), 2);
  for (size_t i = 0; i < events.size(); ++i) {
    absl::string_view detail = events[events.size() - 1 - i].detail;
    EXPECT_LT(detail.size(), base::kMaxAuditEventBytes + 32);
    EXPECT_TRUE(base::IsUtf8Text(detail));
    EXPECT_EQ(events[i].revision, Now().revision);
    EXPECT_TRUE(
        absl::ConsumePrefix(&detail, absl::StrCat("part ", i + 1, " of ", events.size(), ": ")));
    absl::StrAppend(&told, detail);
  }
  for (const std::string& scope : scopes) EXPECT_THAT(told, HasSubstr(scope));
}

TEST_F(PolicyStoreTest, AnEmptyChangeIsNoChange) {
  const int64_t before = Now().revision;
  ASSERT_TRUE(Change([](PolicyObjects&) { return absl::OkStatus(); }).ok());
  EXPECT_EQ(Now().revision, before);
  EXPECT_EQ(Audit().size(), 1);
}

TEST_F(PolicyStoreTest, ABadChangeIsRefusedWhole) {
  const int64_t before = Now().revision;
  const absl::Status status = Change([](PolicyObjects& o) {
    o.users.push_back({.name = "bob"});
    o.bindings.push_back({.name = "bad", .role = "pull", .scopes = {"("}});
    return absl::OkStatus();
  });
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_EQ(Now().revision, before);
  EXPECT_EQ(Objects().users.size(), 1);
  OpenStore(Files());
  EXPECT_EQ(Objects().users.size(), 1);
  EXPECT_EQ(Audit().size(), 1);
}

TEST_F(PolicyStoreTest, AnInvalidReloadChangesNothing) {
  PolicyObjects files = Files();
  files.bindings[0].role = "none";
  EXPECT_TRUE(absl::IsInvalidArgument(Reload(files)));
  EXPECT_TRUE(MayPull("alice"));
}

TEST_F(PolicyStoreTest, AReloadRemovesObjectsThatAreNoLongerConfigured) {
  ASSERT_TRUE(AddUser("bob", {"devs"}).ok());
  PolicyObjects files = Files();
  files.bindings.clear();
  ASSERT_TRUE(Reload(files).ok());
  EXPECT_FALSE(MayPull("alice"));
  EXPECT_FALSE(MayPull("bob"));
}

TEST_F(PolicyStoreTest, DanglingReferencesHaveNoEffectUntilTheTargetIsBack) {
  ASSERT_TRUE(AddUser("bob").ok());
  ASSERT_TRUE(Change([](PolicyObjects& o) {
                return CreateRoleBinding(o, {.name = "bob-pull",
                                             .subjects = {{Subject::Kind::kUser, "bob"}},
                                             .role = "pull",
                                             .scopes = {".*"}});
              }).ok());
  ASSERT_TRUE(Change([](PolicyObjects& o) {
                return CreateToken(o, {.name = "t", .value_hash = "x", .user = "alice"});
              }).ok());
  ASSERT_TRUE(Change([](PolicyObjects& o) {
                return UpdateGroup(o, {.name = "devs", .members = {"alice", "bob"}});
              }).ok());
  EXPECT_TRUE(MayPull("bob"));

  ASSERT_TRUE(Reload({}).ok());
  EXPECT_FALSE(MayPull("bob"));
  EXPECT_EQ(Objects().bindings.size(), 1);
  EXPECT_TRUE(Objects().roles.empty());
  EXPECT_THAT(warnings_, ElementsAre("role binding \"bob-pull\" has no effect: there is no role "
                                     "\"pull\""));
  EXPECT_EQ(
      Now().policy->Explain({.name = "bob"}, PullOf("team/app")).nearest_miss,
      R"(role binding "bob-pull" gives the role "pull", which does not exist or allows nothing)");

  ASSERT_TRUE(Reload(Files()).ok());
  EXPECT_TRUE(MayPull("bob"));
  EXPECT_TRUE(MayPull("alice"));
}

TEST_F(PolicyStoreTest, ANewUserInheritsNothingFromARemovedConfiguredUser) {
  ASSERT_TRUE(Change([](PolicyObjects& o) {
                return CreateToken(o, {.name = "t", .value_hash = "x", .user = "alice"});
              }).ok());
  ASSERT_TRUE(Change([](PolicyObjects& o) { return CreateGroup(o, {.name = "ops"}); }).ok());
  ASSERT_TRUE(Change([](PolicyObjects& o) {
                return UpdateGroup(o, {.name = "ops", .members = {"alice"}});
              }).ok());
  ASSERT_TRUE(Change([](PolicyObjects& o) {
                return CreateRoleBinding(o, {.name = "alice-pull",
                                             .subjects = {{Subject::Kind::kUser, "alice"}},
                                             .role = "pull",
                                             .scopes = {".*"}});
              }).ok());
  PolicyObjects files = Files();
  files.users.clear();
  ASSERT_TRUE(Reload(files).ok());
  ASSERT_TRUE(AddUser("alice").ok());
  EXPECT_FALSE(MayPull("alice"));
  EXPECT_TRUE(Objects().tokens.empty());
  EXPECT_TRUE(Objects().users[0].groups.empty());
}

TEST_F(PolicyStoreTest, AConfiguredTokenReplacesAMadeOneWithItsValue) {
  ASSERT_TRUE(Change([](PolicyObjects& o) {
                return CreateToken(o, {.name = "made", .value_hash = "x", .user = "alice"});
              }).ok());
  PolicyObjects files = Files();
  files.tokens = {{.name = "t", .value_hash = "x", .user = "alice", .origin = "tokens.yaml:1"}};
  ASSERT_TRUE(Reload(files).ok());
  ASSERT_EQ(Objects().tokens.size(), 1);
  EXPECT_EQ(Objects().tokens[0].name, "t");
}

TEST_F(PolicyStoreTest, APasswordThatIsChangedBackRevivesNothing) {
  const auto version = [&] {
    snapshot_ = Now();
    return snapshot_.policy->FindUser("alice")->credential_version;
  };
  const std::string first = version();
  PolicyObjects files = Files();
  files.users[0].password_hash = kOtherHash;
  ASSERT_TRUE(Reload(files).ok());
  const std::string second = version();
  ASSERT_TRUE(Reload(Files()).ok());
  EXPECT_NE(first, second);
  EXPECT_NE(version(), first);
  EXPECT_NE(version(), second);
}

TEST_F(PolicyStoreTest, RevocationsOfDeletedUsersAreBounded) {
  ASSERT_TRUE(Change([](PolicyObjects& o) { return RevokeUserTokens(o, "alice"); }).ok());
  ASSERT_TRUE(Change([](PolicyObjects& o) {
                for (size_t i = 0; i < base::kMaxRevocations + 5; ++i) {
                  ++o.revocations[absl::StrCat("gone", i)].all;
                }
                return absl::OkStatus();
              }).ok());
  EXPECT_EQ(Objects().revocations.size(), base::kMaxRevocations);
  EXPECT_EQ(Objects().revocations.at("alice").all, 1);

  // The newest stays, whatever its name.
  ASSERT_TRUE(AddUser("aaron").ok());
  ASSERT_TRUE(Change([](PolicyObjects& o) { return DeleteUser(o, "aaron"); }).ok());
  EXPECT_EQ(Objects().revocations.size(), base::kMaxRevocations);
  EXPECT_EQ(Objects().revocations.at("aaron").all, 1);
}

TEST_F(PolicyStoreTest, ConfiguredObjectsReplaceMadeOnesOfTheSameName) {
  ASSERT_TRUE(AddUser("bob").ok());
  PolicyObjects files = Files();
  files.users.push_back(
      {.name = "bob", .password_hash = kOtherHash, .groups = {"devs"}, .origin = "users.yaml:9"});
  ASSERT_TRUE(Reload(files).ok());
  EXPECT_TRUE(MayPull("bob"));
  EXPECT_EQ(Objects().users.size(), 2);
  EXPECT_EQ(Objects().users[1].origin, "users.yaml:9");
  EXPECT_EQ(Objects().users[1].password_hash, kOtherHash);
}

TEST_F(PolicyStoreTest, CredentialsDoNotComeBackWithAUserOfTheSameName) {
  const auto version = [&](const std::string& name) {
    snapshot_ = Now();
    return snapshot_.policy->FindUser(name)->credential_version;
  };
  ASSERT_TRUE(AddUser("bob").ok());
  const std::string bob = version("bob");
  const std::string alice = version("alice");
  ASSERT_TRUE(Change([](PolicyObjects& o) { return DeleteUser(o, "bob"); }).ok());
  ASSERT_TRUE(AddUser("bob").ok());
  EXPECT_NE(version("bob"), bob);
  ASSERT_TRUE(Reload({}).ok());
  ASSERT_TRUE(Reload(Files()).ok());
  EXPECT_NE(version("alice"), alice);
  const std::string again = version("alice");
  ASSERT_TRUE(Change([](PolicyObjects& o) { return RevokeUserTokens(o, "alice"); }).ok());
  EXPECT_NE(version("alice"), again);
}

TEST_F(PolicyStoreTest, TheFilesAreOneSetUnderAContentHash) {
  const auto hash = [&] {
    return RunTransaction(*database_, TransactionMode::kRead,
                          [](Transaction& t) -> absl::StatusOr<std::string> {
                            return t
                                .QueryFirst("SELECT content_hash FROM policy_file_set", {},
                                            [](const Row& row) { return std::string(row.Text(0)); })
                                .value_or("none");
                          })
        .value();
  };
  const std::string first = hash();
  EXPECT_EQ(first.size(), 64);
  // Neither places nor objects of the admin API change the set.
  PolicyObjects files = Files();
  files.users[0].origin = "elsewhere.yaml:7";
  ASSERT_TRUE(Reload(files).ok());
  ASSERT_TRUE(AddUser("bob").ok());
  EXPECT_EQ(hash(), first);
  files.users[0].password_hash = kOtherHash;
  ASSERT_TRUE(Reload(files).ok());
  EXPECT_NE(hash(), first);
}

TEST_F(PolicyStoreTest, DamagedRowsAreNamed) {
  ASSERT_TRUE(AddUser("bob").ok());
  for (const char* spec : {"", "[]", "{}", R"({"passwordHash":1,"groups":[]})"}) {
    ASSERT_TRUE(Write(*database_, absl::StrCat("UPDATE policy_objects SET spec = '", spec,
                                               "' WHERE name = 'bob'"))
                    .ok());
    const absl::Status status = AddUser("carol");
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(R"(user "bob" is damaged)"));
  }
  EXPECT_TRUE(MayPull("alice"));
}

TEST_F(PolicyStoreTest, TheAuditLogKeepsTheNewestAndComesInPages) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(AddUser(absl::StrCat("u", i)).ok());
  const std::vector<AuditEvent> first = Audit();
  ASSERT_EQ(first.size(), 6);
  const std::vector<AuditEvent> page = ListAuditEvents(*database_, first[1].id, 2).value();
  ASSERT_EQ(page.size(), 2);
  EXPECT_EQ(page[0].id, first[2].id);
  ASSERT_TRUE(RunTransaction(*database_, TransactionMode::kWrite, [](Transaction& t) {
                t.Execute("UPDATE audit_log SET id = id - ?1 WHERE id = 1",
                          {base::kMaxAuditEvents});
                AppendAuditEvent(t, {.method = "last"});
                return absl::OkStatus();
              }).ok());
  EXPECT_THAT(Audit().front().method, "last");
  EXPECT_NE(Audit().back().method, "Start");
}

}  // namespace
}  // namespace registry::controlplane
