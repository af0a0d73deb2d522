// Traits of the admin API's five kinds of resources, for the templates in service.cc.
#ifndef REGISTRY_CONTROLPLANE_ADMIN_KINDS_H_
#define REGISTRY_CONTROLPLANE_ADMIN_KINDS_H_

#include <initializer_list>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "controlplane/policy/edits.h"
#include "controlplane/policy/objects.h"
#include "registry/v1/admin.pb.h"

namespace registry::controlplane {

struct UserKind {
  using Object = User;
  using Message = v1::User;
  static constexpr absl::string_view kName = "User";
  static constexpr absl::string_view kCollection = "users";
  static constexpr absl::string_view kIdField = "user_id";
  static constexpr absl::string_view kNameField = "user.name";
  static constexpr std::initializer_list<absl::string_view> kUpdatable = {
      "password", "password_hash", "groups"};
  static constexpr std::vector<User> PolicyObjects::*kObjects = &PolicyObjects::users;
  static constexpr auto kCreate = &CreateUser;
  static constexpr auto kUpdate = &UpdateUser;
  static constexpr auto kDelete = &DeleteUser;
};

struct GroupKind {
  using Object = Group;
  using Message = v1::Group;
  static constexpr absl::string_view kName = "Group";
  static constexpr absl::string_view kCollection = "groups";
  static constexpr absl::string_view kIdField = "group_id";
  static constexpr absl::string_view kNameField = "group.name";
  static constexpr std::initializer_list<absl::string_view> kUpdatable = {"members"};
  static constexpr std::vector<Group> PolicyObjects::*kObjects = &PolicyObjects::groups;
  static constexpr auto kCreate = &CreateGroup;
  static constexpr auto kUpdate = &UpdateGroup;
  static constexpr auto kDelete = &DeleteGroup;
};

struct RoleKind {
  using Object = Role;
  using Message = v1::Role;
  static constexpr absl::string_view kName = "Role";
  static constexpr absl::string_view kCollection = "roles";
  static constexpr absl::string_view kIdField = "role_id";
  static constexpr absl::string_view kNameField = "role.name";
  static constexpr std::initializer_list<absl::string_view> kUpdatable = {"resources", "verbs"};
  static constexpr std::vector<Role> PolicyObjects::*kObjects = &PolicyObjects::roles;
  static constexpr auto kCreate = &CreateRole;
  static constexpr auto kUpdate = &UpdateRole;
  static constexpr auto kDelete = &DeleteRole;
};

struct RoleBindingKind {
  using Object = RoleBinding;
  using Message = v1::RoleBinding;
  static constexpr absl::string_view kName = "RoleBinding";
  static constexpr absl::string_view kCollection = "roleBindings";
  static constexpr absl::string_view kIdField = "role_binding_id";
  static constexpr absl::string_view kNameField = "role_binding.name";
  static constexpr std::initializer_list<absl::string_view> kUpdatable = {"role", "subjects",
                                                                          "scopes"};
  static constexpr std::vector<RoleBinding> PolicyObjects::*kObjects = &PolicyObjects::bindings;
  static constexpr auto kCreate = &CreateRoleBinding;
  static constexpr auto kUpdate = &UpdateRoleBinding;
  static constexpr auto kDelete = &DeleteRoleBinding;
};

struct TokenKind {
  using Object = Token;
  using Message = v1::Token;
  static constexpr absl::string_view kName = "Token";
  static constexpr absl::string_view kCollection = "tokens";
  static constexpr absl::string_view kIdField = "token_id";
  static constexpr absl::string_view kNameField = "token.name";
  static constexpr std::initializer_list<absl::string_view> kUpdatable = {"expire_time"};
  static constexpr std::vector<Token> PolicyObjects::*kObjects = &PolicyObjects::tokens;
  static constexpr auto kCreate = &CreateToken;
  static constexpr auto kUpdate = &UpdateToken;
  static constexpr auto kDelete = &DeleteToken;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_ADMIN_KINDS_H_
