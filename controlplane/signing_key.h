// The secret that bearer tokens are signed with. It is made once, kept in the database, and never
// leaves the control plane.
#ifndef REGISTRY_CONTROLPLANE_SIGNING_KEY_H_
#define REGISTRY_CONTROLPLANE_SIGNING_KEY_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "controlplane/sql/database.h"

namespace registry::controlplane {

// 32 random bytes: the newest key of the database, which gets its first one here. Thread-safe, also
// between processes. Errors: those of the database.
absl::StatusOr<std::string> TokenSigningKey(Database& database);

// The key of whoever knows the secret: replicas with the same one agree without a database.
std::string DeriveSigningKey(absl::string_view secret);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_SIGNING_KEY_H_
