// Edits that the admin API makes to the objects of an access policy: pure functions for
// PolicyStore::Change.
//
// Create and Update take the whole new object. A user's groups and a group's members are two views
// of one relation: an edit of one changes the other. Errors: error.h; they name fields as in
// admin.proto. Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_POLICY_EDITS_H_
#define REGISTRY_CONTROLPLANE_POLICY_EDITS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "controlplane/policy/objects.h"

namespace registry::controlplane {

absl::Status CreateUser(PolicyObjects& objects, const User& user);
absl::Status UpdateUser(PolicyObjects& objects, const User& user);
// Also deletes the user's tokens and memberships, and removes the user from role bindings.
absl::Status DeleteUser(PolicyObjects& objects, const std::string& name);
// Cleans up after a user who is gone, so that a later user of the same name inherits nothing:
// deletes tokens and memberships and removes the user from role bindings, where the admin API made
// them, and revokes issued tokens.
void ForgetUser(PolicyObjects& objects, const std::string& name);
// Revokes all tokens issued to the user, whatever the user's origin.
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

// The resource name, for example "users/alice".
std::string ResourceNameOf(const Subject& subject);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_POLICY_EDITS_H_
