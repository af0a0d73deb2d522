// The schema, as the steps that lead to it.
//
// Migrations only go forward and are never changed once released: a later one corrects an earlier
// one. Each runs in a transaction with its row in schema_migrations, so that one that was
// interrupted runs again, and of several processes only one runs it.
#ifndef REGISTRY_CONTROLPLANE_SQL_MIGRATIONS_H_
#define REGISTRY_CONTROLPLANE_SQL_MIGRATIONS_H_

#include <cstdint>

#include "absl/status/status.h"

namespace registry::controlplane {

class Database;

// The version of the schema that this program works with.
int64_t LatestSchemaVersion();

// Brings the schema to LatestSchemaVersion().
// Error: FailedPrecondition when it is newer than that.
absl::Status Migrate(Database& database);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_SQL_MIGRATIONS_H_
