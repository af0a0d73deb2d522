#include "controlplane/policy/edits.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/quote.h"
#include "controlplane/passwords.h"
#include "controlplane/policy/error.h"
#include "controlplane/policy/scope_bounds.h"
#include "controlplane/policy/view.h"

namespace registry::controlplane {
namespace {

template <class Object>
Object* Find(std::vector<Object>& objects, absl::string_view name) {
  const auto found = std::find_if(objects.begin(), objects.end(),
                                  [&](const Object& object) { return object.name == name; });
  return found == objects.end() ? nullptr : &*found;
}

std::string UserResource(absl::string_view name) { return absl::StrCat("users/", name); }
std::string GroupResource(absl::string_view name) { return absl::StrCat("groups/", name); }

absl::Status CheckName(absl::string_view field, absl::string_view name) {
  const absl::string_view problem = NameProblem(name);
  return problem.empty() ? absl::OkStatus() : InvalidField(field, problem);
}

absl::Status TooMany(absl::string_view field, size_t count, size_t limit) {
  return InvalidField(field,
                      absl::StrCat("has ", count, " entries; at most ", limit, " are allowed"));
}

// Adds an object whose name must be new.
template <class Object>
absl::Status Add(std::vector<Object>& objects, absl::string_view collection, const Object& object) {
  if (Find(objects, object.name) != nullptr) {
    return ResourceExists(absl::StrCat(collection, "/", object.name));
  }
  objects.push_back(object);
  return absl::OkStatus();
}

// Finds the object, which must be writable.
template <class Object>
absl::StatusOr<Object*> FindWritable(std::vector<Object>& objects, absl::string_view collection,
                                     absl::string_view name) {
  Object* object = Find(objects, name);
  const std::string resource = absl::StrCat(collection, "/", name);
  if (object == nullptr) return NoSuchResource(resource);
  if (!object->origin.empty()) return ReadOnly(resource, object->origin);
  return object;
}

template <class Object>
absl::Status Replace(std::vector<Object>& objects, absl::string_view collection,
                     const Object& object) {
  absl::StatusOr<Object*> writable = FindWritable(objects, collection, object.name);
  if (!writable.ok()) return writable.status();
  **writable = object;
  return absl::OkStatus();
}

template <class Object>
absl::Status Erase(std::vector<Object>& objects, absl::string_view collection,
                   absl::string_view name) {
  absl::StatusOr<Object*> writable = FindWritable(objects, collection, name);
  if (!writable.ok()) return writable.status();
  objects.erase(objects.begin() + (*writable - objects.data()));
  return absl::OkStatus();
}

// The group's own object; creates it if only files name the group so far.
Group& GroupObject(PolicyObjects& objects, const std::string& name) {
  if (Group* group = Find(objects.groups, name)) return *group;
  return objects.groups.emplace_back(Group{.name = name});
}

// Sets the groups of a user whom no file puts into a group.
absl::Status SetGroups(PolicyObjects& objects, const std::string& user,
                       const std::set<std::string>& groups) {
  constexpr absl::string_view kField = "user.groups";
  if (groups.size() > base::kMaxUserGroups) {
    return TooMany(kField, groups.size(), base::kMaxUserGroups);
  }
  const PolicyObjects view = EffectiveObjects(objects);
  for (const std::string& name : groups) {
    const Group* group = FindByName(view.groups, name);
    if (group == nullptr) return NamesMissingResource(kField, GroupResource(name));
    if (group->members.size() >= base::kMaxGroupMembers && !group->members.contains(user)) {
      return InvalidField(
          kField, absl::StrCat("names ", base::Quote(GroupResource(name)), ", which already has ",
                               base::kMaxGroupMembers, " members, the most that are allowed"));
    }
    GroupObject(objects, name).members.insert(user);
  }
  for (Group& group : objects.groups) {
    if (!groups.contains(group.name)) group.members.erase(user);
  }
  return absl::OkStatus();
}

absl::Status CheckUser(const User& user) {
  if (user.name == kAnonymous) {
    if (user.password_hash.empty()) return absl::OkStatus();
    return InvalidField("user.password",
                        "is not allowed: 'anonymous' names clients that send no credentials");
  }
  if (absl::Status status = ValidateUserName(user.name); !status.ok()) {
    return InvalidField("user_id", absl::StrCat("is an ", status.message()));
  }
  if (user.password_hash.empty()) return absl::OkStatus();
  const absl::Status status = ValidatePasswordHash(user.password_hash);
  return status.ok() ? status
                     : InvalidField("user.password_hash", absl::StrCat("is an ", status.message()));
}

absl::Status SetMembers(PolicyObjects& objects, const Group& group) {
  constexpr absl::string_view kField = "group.members";
  if (group.members.size() > base::kMaxGroupMembers) {
    return TooMany(kField, group.members.size(), base::kMaxGroupMembers);
  }
  absl::flat_hash_map<absl::string_view, const User*> users;
  for (const User& user : objects.users) users[user.name] = &user;
  std::set<std::string> members;
  for (const std::string& name : group.members) {
    const auto user = users.find(name);
    if (user == users.end()) return NamesMissingResource(kField, UserResource(name));
    // The file already makes the user a member.
    if (!user->second->groups.contains(group.name)) members.insert(name);
  }
  for (const User& user : objects.users) {
    if (!user.groups.contains(group.name) || group.members.contains(user.name)) continue;
    return ReadOnly(absl::StrCat(UserResource(user.name), " in ", GroupResource(group.name)),
                    user.origin);
  }
  GroupObject(objects, group.name).members = std::move(members);
  return absl::OkStatus();
}

absl::Status CheckRole(const Role& role) {
  if (absl::Status status = CheckName("role_id", role.name); !status.ok()) return status;
  if (role.resources.empty()) return InvalidField("role.resources", "is empty: name one or more");
  if (role.verbs.empty()) return InvalidField("role.verbs", "is empty: name one or more");
  return absl::OkStatus();
}

absl::Status CheckSubjects(const PolicyObjects& objects, const RoleBinding& binding) {
  constexpr absl::string_view kField = "role_binding.subjects";
  if (binding.subjects.empty()) return InvalidField(kField, "is empty: name one or more");
  if (binding.subjects.size() > base::kMaxRoleBindingSubjects) {
    return InvalidField(
        kField, absl::StrCat("has ", binding.subjects.size(), " entries; at most ",
                             base::kMaxRoleBindingSubjects, " are allowed: put users into groups"));
  }
  const PolicyObjects view = EffectiveObjects(objects);
  for (const Subject& subject : binding.subjects) {
    const bool exists = subject.kind == Subject::Kind::kUser
                            ? FindByName(view.users, subject.name) != nullptr
                            : FindByName(view.groups, subject.name) != nullptr;
    if (!exists) return NamesMissingResource(kField, ResourceNameOf(subject));
  }
  return absl::OkStatus();
}

absl::Status CheckScopes(const RoleBinding& binding) {
  constexpr absl::string_view kField = "role_binding.scopes";
  if (binding.scopes.empty()) return InvalidField(kField, "is empty: name one or more");
  if (binding.scopes.size() > base::kMaxRoleBindingScopes) {
    return InvalidField(
        kField, absl::StrCat("has ", binding.scopes.size(), " entries; at most ",
                             base::kMaxRoleBindingScopes, " are allowed: create another binding"));
  }
  for (const std::string& scope : binding.scopes) {
    if (scope.size() > base::kMaxScopeBytes) {
      return InvalidField(kField, absl::StrCat("has an entry of ", scope.size(), " bytes; at most ",
                                               base::kMaxScopeBytes, " are allowed"));
    }
    if (const std::optional<std::string> problem = RegexProblem(scope)) {
      return InvalidField(kField, absl::StrCat("has ", base::Quote(scope),
                                               ", which is not a regular expression: ", *problem));
    }
  }
  return absl::OkStatus();
}

// Does not check what `before` already had: its subjects or role may no longer exist.
absl::Status CheckBinding(PolicyObjects& objects, const RoleBinding& binding,
                          const RoleBinding* before = nullptr) {
  absl::Status status = CheckName("role_binding_id", binding.name);
  if (status.ok() && (before == nullptr || before->subjects != binding.subjects)) {
    status = CheckSubjects(objects, binding);
  }
  if (status.ok()) status = CheckScopes(binding);
  if (!status.ok()) return status;
  if (before != nullptr && before->role == binding.role) return absl::OkStatus();
  if (Find(objects.roles, binding.role) != nullptr) return absl::OkStatus();
  return NamesMissingResource("role_binding.role", absl::StrCat("roles/", binding.role));
}

}  // namespace

std::string ResourceNameOf(const Subject& subject) {
  return subject.kind == Subject::Kind::kUser ? UserResource(subject.name)
                                              : GroupResource(subject.name);
}

absl::Status CreateUser(PolicyObjects& objects, const User& user) {
  if (absl::Status status = CheckUser(user); !status.ok()) return status;
  User stored = user;
  stored.groups.clear();
  if (absl::Status status = Add(objects.users, "users", stored); !status.ok()) return status;
  return SetGroups(objects, user.name, user.groups);
}

absl::Status UpdateUser(PolicyObjects& objects, const User& user) {
  if (absl::Status status = CheckUser(user); !status.ok()) return status;
  User stored = user;
  stored.groups.clear();
  if (absl::Status status = Replace(objects.users, "users", stored); !status.ok()) return status;
  return SetGroups(objects, user.name, user.groups);
}

absl::Status DeleteUser(PolicyObjects& objects, const std::string& name) {
  if (absl::Status status = Erase(objects.users, "users", name); !status.ok()) return status;
  ForgetUser(objects, name);
  return absl::OkStatus();
}

void ForgetUser(PolicyObjects& objects, const std::string& name) {
  std::erase_if(objects.tokens,
                [&](const Token& token) { return token.origin.empty() && token.user == name; });
  for (Group& group : objects.groups) group.members.erase(name);
  for (RoleBinding& binding : objects.bindings) {
    if (!binding.origin.empty()) continue;
    std::erase(binding.subjects, Subject{.kind = Subject::Kind::kUser, .name = name});
  }
  ++objects.revocations[name].all;
}

absl::Status RevokeUserTokens(PolicyObjects& objects, const std::string& name) {
  if (Find(objects.users, name) == nullptr) return NoSuchResource(UserResource(name));
  ++objects.revocations[name].all;
  return absl::OkStatus();
}

absl::Status CreateGroup(PolicyObjects& objects, const Group& group) {
  if (absl::Status status = CheckName("group_id", group.name); !status.ok()) return status;
  const PolicyObjects view = EffectiveObjects(objects);
  if (FindByName(view.groups, group.name) != nullptr) {
    return ResourceExists(GroupResource(group.name));
  }
  return SetMembers(objects, group);
}

absl::Status UpdateGroup(PolicyObjects& objects, const Group& group) {
  const PolicyObjects view = EffectiveObjects(objects);
  if (FindByName(view.groups, group.name) == nullptr) {
    return NoSuchResource(GroupResource(group.name));
  }
  return SetMembers(objects, group);
}

absl::Status DeleteGroup(PolicyObjects& objects, const std::string& name) {
  const std::string resource = GroupResource(name);
  for (const User& user : objects.users) {
    if (user.groups.contains(name)) return ReadOnly(resource, user.origin);
  }
  const Subject subject{.kind = Subject::Kind::kGroup, .name = name};
  for (const RoleBinding& binding : objects.bindings) {
    if (std::find(binding.subjects.begin(), binding.subjects.end(), subject) !=
        binding.subjects.end()) {
      return InUse(resource, absl::StrCat("roleBindings/", binding.name));
    }
  }
  return Erase(objects.groups, "groups", name);
}

absl::Status CreateRole(PolicyObjects& objects, const Role& role) {
  if (absl::Status status = CheckRole(role); !status.ok()) return status;
  return Add(objects.roles, "roles", role);
}

absl::Status UpdateRole(PolicyObjects& objects, const Role& role) {
  if (absl::Status status = CheckRole(role); !status.ok()) return status;
  return Replace(objects.roles, "roles", role);
}

absl::Status DeleteRole(PolicyObjects& objects, const std::string& name) {
  const absl::StatusOr<Role*> role = FindWritable(objects.roles, "roles", name);
  if (!role.ok()) return role.status();
  for (const RoleBinding& binding : objects.bindings) {
    if (binding.role != name) continue;
    return InUse(absl::StrCat("roles/", name), absl::StrCat("roleBindings/", binding.name));
  }
  return Erase(objects.roles, "roles", name);
}

absl::Status CreateRoleBinding(PolicyObjects& objects, const RoleBinding& binding) {
  if (absl::Status status = CheckBinding(objects, binding); !status.ok()) return status;
  return Add(objects.bindings, "roleBindings", binding);
}

absl::Status UpdateRoleBinding(PolicyObjects& objects, const RoleBinding& binding) {
  const RoleBinding* before = Find(objects.bindings, binding.name);
  if (absl::Status status = CheckBinding(objects, binding, before); !status.ok()) return status;
  return Replace(objects.bindings, "roleBindings", binding);
}

absl::Status DeleteRoleBinding(PolicyObjects& objects, const std::string& name) {
  return Erase(objects.bindings, "roleBindings", name);
}

absl::Status CreateToken(PolicyObjects& objects, const Token& token) {
  if (absl::Status status = CheckName("token_id", token.name); !status.ok()) return status;
  if (token.user == kAnonymous) {
    return InvalidField(
        "token.user", "names 'anonymous', the clients that send no credentials; name another user");
  }
  if (Find(objects.users, token.user) == nullptr) {
    return NamesMissingResource("token.user", UserResource(token.user));
  }
  for (const Token& other : objects.tokens) {
    if (other.value_hash == token.value_hash) {
      return InvalidField("token.value", "is the value of another token; choose another");
    }
  }
  return Add(objects.tokens, "tokens", token);
}

absl::Status UpdateToken(PolicyObjects& objects, const Token& token) {
  return Replace(objects.tokens, "tokens", token);
}

absl::Status DeleteToken(PolicyObjects& objects, const std::string& name) {
  return Erase(objects.tokens, "tokens", name);
}

}  // namespace registry::controlplane
