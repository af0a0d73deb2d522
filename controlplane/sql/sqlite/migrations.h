// The schema in SQLite.
#ifndef REGISTRY_CONTROLPLANE_SQL_SQLITE_MIGRATIONS_H_
#define REGISTRY_CONTROLPLANE_SQL_SQLITE_MIGRATIONS_H_

#include <vector>

#include "controlplane/sql/engine.h"

namespace registry::controlplane {

// The first one leads to version 1. Released migrations never change.
const std::vector<Migration>& SqliteMigrations();

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_SQL_SQLITE_MIGRATIONS_H_
