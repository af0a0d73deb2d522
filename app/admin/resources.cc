#include "app/admin/resources.h"

namespace registry::app::admin {
namespace {

constexpr FieldFlag kUserFlags[] = {{"groups", "groups", "groups", true}};
constexpr Column kUserColumns[] = {
    {"NAME", "name"}, {"PASSWORD", "password_set"}, {"GROUPS", "groups"}, {"ORIGIN", "origin"}};

constexpr FieldFlag kGroupFlags[] = {{"members", "members", "users", true}};
constexpr Column kGroupColumns[] = {{"NAME", "name"}, {"MEMBERS", "members"}, {"ORIGIN", "origin"}};

constexpr FieldFlag kRoleFlags[] = {{"resources", "resources", "", true, true},
                                    {"verbs", "verbs", "", true, true}};
constexpr Column kRoleColumns[] = {
    {"NAME", "name"}, {"RESOURCES", "resources"}, {"VERBS", "verbs"}, {"ORIGIN", "origin"}};

// Regular expressions may contain commas, so scopes are not lists.
constexpr FieldFlag kBindingFlags[] = {{"role", "role", "roles", false, true},
                                       {"subjects", "subjects", "users", true, true},
                                       {"scopes", "scopes", "", false, true}};
constexpr Column kBindingColumns[] = {{"NAME", "name"},
                                      {"ROLE", "role"},
                                      {"SUBJECTS", "subjects"},
                                      {"SCOPES", "scopes"},
                                      {"ORIGIN", "origin"}};

constexpr FieldFlag kTokenFlags[] = {{"user", "user", "users", false, true},
                                     {"expires", "expire_time"}};
constexpr Column kTokenColumns[] = {
    {"NAME", "name"}, {"USER", "user"}, {"EXPIRES", "expire_time"}, {"ORIGIN", "origin"}};

constexpr ResourceType kResourceTypes[] = {
    {"users", "users", "User", "Users", kUserFlags, kUserColumns},
    {"groups", "groups", "Group", "Groups", kGroupFlags, kGroupColumns},
    {"roles", "roles", "Role", "Roles", kRoleFlags, kRoleColumns},
    {"bindings", "roleBindings", "RoleBinding", "RoleBindings", kBindingFlags, kBindingColumns},
    {"tokens", "tokens", "Token", "Tokens", kTokenFlags, kTokenColumns},
};

}  // namespace

absl::Span<const ResourceType> ResourceTypes() { return kResourceTypes; }

const ResourceType* FindResourceType(absl::string_view word) {
  for (const ResourceType& type : kResourceTypes) {
    if (type.word == word) return &type;
  }
  return nullptr;
}

}  // namespace registry::app::admin
