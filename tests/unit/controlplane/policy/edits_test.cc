#include "controlplane/policy/edits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "controlplane/policy/explain.h"
#include "controlplane/policy/view.h"
#include "google/rpc/error_details.pb.h"

namespace registry::controlplane {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kHash[] = "$2b$04$abcdefghijklmnopqrstuu8fcBr6CKQK.lNKpSKcx8pBjK5/zNFDK";

Subject UserNamed(std::string name) { return {Subject::Kind::kUser, std::move(name)}; }
Subject GroupNamed(std::string name) { return {Subject::Kind::kGroup, std::move(name)}; }

// "REASON message" of an error; "" if OK.
std::string ReasonOf(const absl::Status& status) {
  if (status.ok()) return "";
  const auto payload = status.GetPayload("type.googleapis.com/google.rpc.ErrorInfo");
  google::rpc::ErrorInfo info;
  EXPECT_TRUE(payload.has_value() && info.ParseFromString(std::string(*payload))) << status;
  EXPECT_EQ(info.domain(), "simple-registry.jlsalvador.online");
  return info.reason() + " " + std::string(status.message());
}

// alice and the group devs come from files, bob and the group ops from the admin API.
class PolicyEditsTest : public testing::Test {
 protected:
  PolicyEditsTest() {
    objects_.users = {{.name = "alice", .groups = {"devs"}, .origin = "users.yaml:1"},
                      {.name = "bob", .password_hash = kHash}};
    objects_.groups = {{.name = "ops", .members = {"bob"}}};
    objects_.roles = {{.name = "pull",
                       .resources = {Resource::kBlobs, Resource::kManifests},
                       .verbs = {Verb::kGet},
                       .origin = "roles.yaml:1"},
                      {.name = "push", .resources = {Resource::kBlobs}, .verbs = {Verb::kPost}}};
    objects_.bindings = {{.name = "ops-push",
                          .subjects = {UserNamed("bob"), GroupNamed("ops")},
                          .role = "push",
                          .scopes = {"^team/"}}};
    objects_.tokens = {{.name = "ci", .value_hash = "h", .user = "bob"}};
  }

  PolicyObjects View() const { return EffectiveObjects(objects_); }
  std::set<std::string> GroupsOf(const std::string& user) {
    return FindByName(View().users, user)->groups;
  }
  std::set<std::string> MembersOf(const std::string& group) {
    return FindByName(View().groups, group)->members;
  }

  PolicyObjects objects_;
};

TEST_F(PolicyEditsTest, MembershipIsTheSameFromBothSides) {
  EXPECT_THAT(GroupsOf("bob"), ElementsAre("ops"));
  EXPECT_THAT(MembersOf("devs"), ElementsAre("alice"));
  ASSERT_EQ(ReasonOf(UpdateGroup(objects_, {.name = "devs", .members = {"alice", "bob"}})), "");
  EXPECT_THAT(GroupsOf("bob"), ElementsAre("devs", "ops"));
  ASSERT_EQ(ReasonOf(UpdateUser(objects_, {.name = "bob", .groups = {"devs"}})), "");
  EXPECT_THAT(MembersOf("ops"), IsEmpty());
  EXPECT_THAT(MembersOf("devs"), ElementsAre("alice", "bob"));
  ASSERT_EQ(ReasonOf(CreateUser(objects_, {.name = "carol", .groups = {"ops"}})), "");
  EXPECT_THAT(MembersOf("ops"), ElementsAre("carol"));
}

TEST_F(PolicyEditsTest, ObjectsFromFilesAreReadOnly) {
  EXPECT_THAT(ReasonOf(UpdateUser(objects_, {.name = "alice"})),
              HasSubstr(R"(READ_ONLY "users/alice" comes from users.yaml:1)"));
  EXPECT_THAT(ReasonOf(DeleteUser(objects_, "alice")), HasSubstr("READ_ONLY"));
  EXPECT_THAT(ReasonOf(DeleteRole(objects_, "pull")), HasSubstr("READ_ONLY"));
  // In use or not.
  objects_.bindings[0].role = "pull";
  EXPECT_THAT(ReasonOf(DeleteRole(objects_, "pull")), HasSubstr("READ_ONLY"));
  EXPECT_THAT(ReasonOf(DeleteGroup(objects_, "devs")), HasSubstr("READ_ONLY"));
  EXPECT_THAT(ReasonOf(UpdateGroup(objects_, {.name = "devs", .members = {"bob"}})),
              HasSubstr(R"(READ_ONLY "users/alice in groups/devs" comes from users.yaml:1)"));
}

TEST_F(PolicyEditsTest, AGroupFromAFileKeepsItsOriginWhenMembersAreAdded) {
  const auto origin = [&] { return FindByName(View().groups, "devs")->origin; };
  EXPECT_EQ(origin(), "users.yaml:1");
  for (const std::set<std::string>& members : {std::set<std::string>{"alice", "bob"}, {"alice"}}) {
    ASSERT_EQ(ReasonOf(UpdateGroup(objects_, {.name = "devs", .members = members})), "");
    EXPECT_EQ(origin(), "users.yaml:1");
  }
  EXPECT_EQ(FindByName(View().groups, "ops")->origin, "");
}

TEST_F(PolicyEditsTest, ExistingObjectsAreNotCreatedAgain) {
  EXPECT_THAT(ReasonOf(CreateUser(objects_, {.name = "alice"})), HasSubstr("RESOURCE_EXISTS"));
  EXPECT_THAT(ReasonOf(CreateGroup(objects_, {.name = "devs"})), HasSubstr("RESOURCE_EXISTS"));
  EXPECT_THAT(ReasonOf(CreateToken(objects_, {.name = "ci", .value_hash = "i", .user = "bob"})),
              HasSubstr("RESOURCE_EXISTS"));
  EXPECT_THAT(ReasonOf(CreateToken(objects_, {.name = "x", .value_hash = "h", .user = "bob"})),
              HasSubstr("INVALID_FIELD token.value is the value of another token"));
}

TEST_F(PolicyEditsTest, MissingObjectsAreNamed) {
  EXPECT_THAT(ReasonOf(UpdateUser(objects_, {.name = "x"})),
              HasSubstr(R"(RESOURCE_NOT_FOUND "users/x" does not exist)"));
  EXPECT_THAT(ReasonOf(UpdateGroup(objects_, {.name = "x"})), HasSubstr(R"("groups/x")"));
  EXPECT_THAT(ReasonOf(DeleteGroup(objects_, "x")), HasSubstr(R"("groups/x")"));
  EXPECT_THAT(ReasonOf(RevokeUserTokens(objects_, "x")), HasSubstr(R"("users/x")"));
  EXPECT_THAT(ReasonOf(CreateUser(objects_, {.name = "x", .groups = {"none"}})),
              HasSubstr(R"(user.groups names "groups/none")"));
  EXPECT_THAT(ReasonOf(CreateGroup(objects_, {.name = "x", .members = {"none"}})),
              HasSubstr(R"(group.members names "users/none")"));
  EXPECT_THAT(ReasonOf(CreateToken(objects_, {.name = "x", .value_hash = "i", .user = "none"})),
              HasSubstr(R"(token.user names "users/none")"));
  const auto binding = [&](std::vector<Subject> subjects, std::string role) {
    return ReasonOf(CreateRoleBinding(
        objects_,
        {.name = "x", .subjects = std::move(subjects), .role = std::move(role), .scopes = {"."}}));
  };
  EXPECT_THAT(binding({UserNamed("none")}, "pull"), HasSubstr(R"("users/none")"));
  EXPECT_THAT(binding({GroupNamed("none")}, "pull"), HasSubstr(R"("groups/none")"));
  EXPECT_THAT(binding({GroupNamed("devs")}, "none"), HasSubstr(R"("roles/none")"));
  EXPECT_EQ(binding({GroupNamed("devs")}, "pull"), "");
}

TEST_F(PolicyEditsTest, BadFieldsAreNamed) {
  EXPECT_THAT(ReasonOf(CreateUser(objects_, {.name = "a:b"})), HasSubstr("user_id"));
  EXPECT_THAT(ReasonOf(CreateUser(objects_, {.name = "x", .password_hash = "secret"})),
              HasSubstr("user.password_hash"));
  EXPECT_THAT(ReasonOf(CreateUser(objects_, {.name = "anonymous", .password_hash = kHash})),
              HasSubstr("user.password"));
  EXPECT_THAT(ReasonOf(CreateGroup(objects_, {.name = ""})), HasSubstr("group_id"));
  EXPECT_THAT(ReasonOf(CreateRole(objects_, {.name = "x"})), HasSubstr("role.resources"));
  EXPECT_THAT(ReasonOf(CreateRole(objects_, {.name = "x", .resources = {Resource::kBlobs}})),
              HasSubstr("role.verbs"));
  EXPECT_THAT(ReasonOf(CreateToken(objects_, {.name = "x", .user = "anonymous"})),
              HasSubstr("token.user"));
  const auto scopes = [&](std::vector<std::string> texts) {
    return ReasonOf(CreateRoleBinding(
        objects_,
        {.name = "x", .subjects = {UserNamed("bob")}, .role = "pull", .scopes = std::move(texts)}));
  };
  EXPECT_THAT(scopes({}), HasSubstr("role_binding.scopes is empty"));
  EXPECT_THAT(scopes({"("}), HasSubstr("not a regular expression"));
  EXPECT_THAT(scopes({std::string(base::kMaxScopeBytes + 1, 'a')}), HasSubstr("bytes"));
  EXPECT_THAT(scopes(std::vector<std::string>(base::kMaxRoleBindingScopes + 1, "a")),
              HasSubstr("101 entries"));
}

TEST_F(PolicyEditsTest, ObjectsInUseAreNotDeleted) {
  EXPECT_THAT(ReasonOf(DeleteRole(objects_, "push")),
              HasSubstr(R"(IN_USE "roles/push" is in use by "roleBindings/ops-push")"));
  EXPECT_THAT(ReasonOf(DeleteGroup(objects_, "ops")), HasSubstr("IN_USE"));
  ASSERT_EQ(ReasonOf(DeleteRoleBinding(objects_, "ops-push")), "");
  EXPECT_EQ(ReasonOf(DeleteRole(objects_, "push")), "");
  EXPECT_EQ(ReasonOf(DeleteGroup(objects_, "ops")), "");
}

TEST_F(PolicyEditsTest, ADeletedUserLeavesNothingBehind) {
  ASSERT_EQ(ReasonOf(DeleteUser(objects_, "bob")), "");
  EXPECT_THAT(objects_.tokens, IsEmpty());
  EXPECT_THAT(MembersOf("ops"), IsEmpty());
  EXPECT_THAT(objects_.bindings[0].subjects, ElementsAre(GroupNamed("ops")));
  EXPECT_EQ(objects_.revocations["bob"].all, 1);
}

TEST_F(PolicyEditsTest, ABindingWhoseSubjectsOrRoleAreGoneCanBeChanged) {
  objects_.bindings[0].subjects = {UserNamed("bob")};
  ASSERT_EQ(ReasonOf(DeleteUser(objects_, "bob")), "");
  objects_.roles.clear();
  RoleBinding binding = objects_.bindings[0];
  EXPECT_THAT(binding.subjects, IsEmpty());
  binding.scopes = {"^other/"};
  EXPECT_EQ(ReasonOf(UpdateRoleBinding(objects_, binding)), "");
  EXPECT_THAT(objects_.bindings[0].scopes, ElementsAre("^other/"));
  binding.role = "none";
  EXPECT_THAT(ReasonOf(UpdateRoleBinding(objects_, binding)), HasSubstr("role_binding.role"));
}

class PolicyExplainTest : public PolicyEditsTest {
 protected:
  absl::StatusOr<ExplainedAction> Ask(absl::string_view subject, absl::string_view action,
                                      absl::string_view repository) {
    const PolicySnapshot snapshot{
        .policy = std::make_shared<const Policy>(Policy::Create(objects_).value()),
        .objects = std::make_shared<const PolicyObjects>(View()),
        .revision = 1};
    return Explain(snapshot, subject, action, repository);
  }
};

TEST_F(PolicyExplainTest, AllOfAnActionMustBeAllowed) {
  const ExplainedAction push = Ask("users/bob", "push", "team/app:v1").value();
  EXPECT_FALSE(push.allowed);
  EXPECT_EQ(push.checks.size(), 5);
  EXPECT_EQ(push.reason,
            R"(users/bob may not pull from repository "team/app" (HEAD blobs): role binding )"
            R"("ops-push" gives the role "push" there, which has no HEAD on blobs)");
  const ExplainedAction post = Ask("users/bob", "POST blobs", "team/app").value();
  EXPECT_TRUE(post.allowed);
  EXPECT_EQ(post.decisive.explanation.binding, "ops-push");
  EXPECT_EQ(post.decisive.explanation.role, "push");
}

TEST_F(PolicyExplainTest, GroupsAndAnonymousClientsAreSubjectsToo) {
  EXPECT_TRUE(Ask("groups/ops", "post blobs", "team/app")->allowed);
  EXPECT_FALSE(Ask("groups/devs", "POST blobs", "team/app")->allowed);
  EXPECT_THAT(Ask("users/anonymous", "pull", "team/app")->reason,
              HasSubstr("no role binding names"));
  EXPECT_THAT(Ask("users/bob", "catalog", "")->reason, HasSubstr("list the repositories"));
}

TEST_F(PolicyExplainTest, ReferencesByDigestAskForNoTag) {
  const std::string digest = absl::StrCat("@sha256:", std::string(64, 'a'));
  for (const char* reference : {"team/app", "team/app:v1"}) {
    const ExplainedAction pull =
        Ask("users/bob", "GET manifests", absl::StrCat(reference, digest)).value();
    EXPECT_EQ(pull.decisive.action.repository->ToString(), "team/app");
    EXPECT_FALSE(pull.decisive.action.tag.has_value());
  }
  for (const char* wrong : {"team/app@", "team/app@sha256:a", "@sha256:a", "team/app:@sha256:a"}) {
    EXPECT_THAT(ReasonOf(Ask("users/bob", "pull", wrong).status()),
                HasSubstr("repository is invalid"));
  }
}

TEST_F(PolicyExplainTest, BadArgumentsAreNamed) {
  EXPECT_THAT(ReasonOf(Ask("users/x", "pull", "a").status()), HasSubstr("RESOURCE_NOT_FOUND"));
  EXPECT_THAT(ReasonOf(Ask("groups/x", "pull", "a").status()), HasSubstr("RESOURCE_NOT_FOUND"));
  EXPECT_THAT(ReasonOf(Ask("bob", "pull", "a").status()), HasSubstr("subject is"));
  EXPECT_THAT(ReasonOf(Ask("users/bob", "eat", "a").status()), HasSubstr("action is"));
  EXPECT_THAT(ReasonOf(Ask("users/bob", "pull", "").status()), HasSubstr("repository is empty"));
  EXPECT_THAT(ReasonOf(Ask("users/bob", "pull", "A").status()), HasSubstr("repository is invalid"));
  EXPECT_THAT(ReasonOf(Ask("users/bob", "pull", "a:").status()),
              HasSubstr("repository is invalid"));
}

}  // namespace
}  // namespace registry::controlplane
