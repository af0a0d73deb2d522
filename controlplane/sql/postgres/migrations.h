// The schema in PostgreSQL: the same tables as in SQLite, and `commits`.
#ifndef REGISTRY_CONTROLPLANE_SQL_POSTGRES_MIGRATIONS_H_
#define REGISTRY_CONTROLPLANE_SQL_POSTGRES_MIGRATIONS_H_

#include <vector>

#include "controlplane/sql/engine.h"

namespace registry::controlplane {

// The first one leads to version 1. Released migrations never change.
const std::vector<Migration>& PostgresMigrations();

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_SQL_POSTGRES_MIGRATIONS_H_
