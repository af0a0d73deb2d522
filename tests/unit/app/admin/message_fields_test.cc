#include "app/admin/message_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "registry/v1/admin.pb.h"

namespace registry::app::admin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Values = std::vector<std::string>;

const FieldFlag& FlagOf(absl::string_view word, absl::string_view flag) {
  for (const FieldFlag& candidate : FindResourceType(word)->flags) {
    if (candidate.flag == flag) return candidate;
  }
  ADD_FAILURE() << word << " has no -" << flag;
  return FindResourceType(word)->flags[0];
}

TEST(MessageFieldsTest, MessagesAreMadeByName) {
  for (const ResourceType& type : ResourceTypes()) {
    EXPECT_EQ(NewMessage(type.singular)->GetDescriptor()->name(), type.singular);
  }
}

TEST(MessageFieldsTest, ListsAreSetExtendedAndShortened) {
  const FieldFlag& groups = FlagOf("users", "groups");
  v1::User user;
  ASSERT_TRUE(EditField(groups, Edit::kSet, {"a, groups/b", "a"}, user).ok());
  EXPECT_THAT(user.groups(), ElementsAre("groups/b", "groups/a"));
  ASSERT_TRUE(EditField(groups, Edit::kAdd, {"b,c"}, user).ok());
  EXPECT_THAT(user.groups(), ElementsAre("groups/a", "groups/b", "groups/c"));
  ASSERT_TRUE(EditField(groups, Edit::kRemove, {"a,x"}, user).ok());
  EXPECT_THAT(user.groups(), ElementsAre("groups/b", "groups/c"));
  ASSERT_TRUE(EditField(groups, Edit::kSet, {""}, user).ok());
  EXPECT_THAT(user.groups(), IsEmpty());
}

TEST(MessageFieldsTest, ScopesKeepTheirCommas) {
  v1::RoleBinding binding;
  ASSERT_TRUE(EditField(FlagOf("bindings", "scopes"), Edit::kSet, {"^a{1,2}$", ""}, binding).ok());
  EXPECT_THAT(binding.scopes(), ElementsAre("^a{1,2}$", ""));
  EXPECT_EQ(TextOf(binding, "scopes"), "^a{1,2}$, \"\"");
}

TEST(MessageFieldsTest, SubjectsAreUsersUnlessTheySayOtherwise) {
  v1::RoleBinding binding;
  ASSERT_TRUE(
      EditField(FlagOf("bindings", "subjects"), Edit::kSet, {"bob,groups/devs,users/eve"}, binding)
          .ok());
  EXPECT_THAT(binding.subjects(), ElementsAre("users/bob", "groups/devs", "users/eve"));
  EXPECT_EQ(TextOf(binding, "subjects"), "users/bob, groups/devs, users/eve");
}

TEST(MessageFieldsTest, EnumsAreReadInAnyCaseAndShown) {
  v1::Role role;
  ASSERT_TRUE(EditField(FlagOf("roles", "verbs"), Edit::kSet, {"get,Put"}, role).ok());
  EXPECT_EQ(TextOf(role, "verbs"), "GET, PUT");
  ASSERT_TRUE(EditField(FlagOf("roles", "verbs"), Edit::kAdd, {"*"}, role).ok());
  EXPECT_EQ(TextOf(role, "verbs"), "*");
  ASSERT_TRUE(EditField(FlagOf("roles", "resources"), Edit::kSet, {"blobs"}, role).ok());
  EXPECT_EQ(TextOf(role, "resources"), "blobs");
  EXPECT_THAT(
      std::string(EditField(FlagOf("roles", "verbs"), Edit::kSet, {"FETCH"}, role).message()),
      HasSubstr("-verbs: \"FETCH\" is unknown"));
}

TEST(MessageFieldsTest, ValuesOfANewerRegistryAreShownAsNumbers) {
  v1::Role role;
  role.add_verbs(v1::VERB_GET);
  role.add_verbs(static_cast<v1::Verb>(99));
  EXPECT_EQ(TextOf(role, "verbs"), "GET, 99");
}

TEST(MessageFieldsTest, TimesAreMomentsDurationsOrNever) {
  const FieldFlag& expires = FlagOf("tokens", "expires");
  v1::Token token;
  ASSERT_TRUE(EditField(expires, Edit::kSet, {"2027-01-31T12:00:00+01:00"}, token).ok());
  EXPECT_EQ(TextOf(token, "expire_time"), "2027-01-31T11:00:00Z");
  ASSERT_TRUE(EditField(expires, Edit::kSet, {"never"}, token).ok());
  EXPECT_EQ(TextOf(token, "expire_time"), "-");
  ASSERT_TRUE(EditField(expires, Edit::kSet, {"30d"}, token).ok());
  EXPECT_NEAR(static_cast<double>(token.expire_time().seconds()),
              static_cast<double>(time(nullptr) + 30 * 24 * 3600), 60);
  for (const char* wrong : {"", "soon", "inf", "infinite-future", "-5m", "2027-01-31"}) {
    EXPECT_FALSE(EditField(expires, Edit::kSet, {wrong}, token).ok()) << wrong;
  }
}

TEST(MessageFieldsTest, NamesAreShortWhereTheyCanBeOfOneKindOnly) {
  v1::User user;
  user.set_name("users/roles/odd");
  user.set_origin("users/bob.yaml:3");
  EXPECT_EQ(TextOf(user, "name"), "roles/odd");
  EXPECT_EQ(TextOf(user, "origin"), "users/bob.yaml:3");
  EXPECT_EQ(TextOf(user, "password_set"), "no");
  EXPECT_EQ(TextOf(user, "groups"), "-");
}

}  // namespace
}  // namespace registry::app::admin
