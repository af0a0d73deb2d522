// The key that signs bearer tokens. The registry generates it once and keeps it in the database; it
// never leaves the control plane.
#ifndef REGISTRY_CONTROLPLANE_ACCESS_SIGNING_KEY_H_
#define REGISTRY_CONTROLPLANE_ACCESS_SIGNING_KEY_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "controlplane/sql/database.h"

namespace registry::controlplane {

// Returns the newest key in the database, 32 random bytes; creates the first one. Thread-safe, also
// between processes. Errors: those of the database.
absl::StatusOr<std::string> TokenSigningKey(Database& database);

// Derives the key from a secret: replicas with the same secret agree without a shared database.
std::string DeriveSigningKey(absl::string_view secret);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_ACCESS_SIGNING_KEY_H_
