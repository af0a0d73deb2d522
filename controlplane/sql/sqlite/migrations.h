// The database schema, as a list of migrations.
//
// Migrations only go forward and never change once released: a later one corrects an earlier one.
// Each runs in one transaction with its row in schema_migrations, so that an interrupted migration
// runs again, and only one of several processes runs it.
#ifndef REGISTRY_CONTROLPLANE_SQL_SQLITE_MIGRATIONS_H_
#define REGISTRY_CONTROLPLANE_SQL_SQLITE_MIGRATIONS_H_

#include <cstdint>

#include "absl/status/status.h"

namespace registry::controlplane {

class Database;

// The schema version of this program.
int64_t LatestSchemaVersion();

// Migrates the schema to LatestSchemaVersion().
// Error: FailedPrecondition if the schema is newer.
absl::Status Migrate(Database& database);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_SQL_SQLITE_MIGRATIONS_H_
