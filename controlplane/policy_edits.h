// What the admin API does to the objects of an access policy: pure functions, to be run by
// PolicyStore::Change.
//
// Creating and updating takes the whole object as it shall be. A user's groups and a group's
// members are the same thing from both sides: what is written on one shows on the other. Errors:
// policy_error.h; fields are named as in admin.proto. Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_POLICY_EDITS_H_
#define REGISTRY_CONTROLPLANE_POLICY_EDITS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "controlplane/policy_objects.h"

namespace registry::controlplane {

absl::Status CreateUser(PolicyObjects& objects, const User& user);
absl::Status UpdateUser(PolicyObjects& objects, const User& user);
// Also the user's tokens, memberships, and place in role bindings.
absl::Status DeleteUser(PolicyObjects& objects, const std::string& name);
// Should somebody else get the name later: takes the tokens, memberships, and places in role
// bindings of a user who is gone, as far as the admin API made them, and ends what was issued.
void ForgetUser(PolicyObjects& objects, const std::string& name);
// Ends what was issued to the user, whatever the origin.
absl::Status RevokeUserTokens(PolicyObjects& objects, const std::string& name);

absl::Status CreateGroup(PolicyObjects& objects, const Group& group);
absl::Status UpdateGroup(PolicyObjects& objects, const Group& group);
absl::Status DeleteGroup(PolicyObjects& objects, const std::string& name);

absl::Status CreateRole(PolicyObjects& objects, const Role& role);
absl::Status UpdateRole(PolicyObjects& objects, const Role& role);
absl::Status DeleteRole(PolicyObjects& objects, const std::string& name);

absl::Status CreateRoleBinding(PolicyObjects& objects, const RoleBinding& binding);
absl::Status UpdateRoleBinding(PolicyObjects& objects, const RoleBinding& binding);
absl::Status DeleteRoleBinding(PolicyObjects& objects, const std::string& name);

absl::Status CreateToken(PolicyObjects& objects, const Token& token);
absl::Status UpdateToken(PolicyObjects& objects, const Token& token);
absl::Status DeleteToken(PolicyObjects& objects, const std::string& name);

// "users/alice" and so on.
std::string ResourceNameOf(const Subject& subject);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_POLICY_EDITS_H_
