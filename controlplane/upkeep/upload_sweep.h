// Deletes unfinished files without a row: bytes of a writer that outlived its session, or files
// left after the database was restored from a backup.
//
// A row exists from before the first byte until after the last one. So a file that is listed first
// and then has no row is garbage. The sweep deletes only unfinished files: after a restore, a
// finished file may be the only copy of a blob, but no client can resume a session that is not in
// the database. Thread-safe. Times are milliseconds since the epoch.
#ifndef REGISTRY_CONTROLPLANE_UPKEEP_UPLOAD_SWEEP_H_
#define REGISTRY_CONTROLPLANE_UPKEEP_UPLOAD_SWEEP_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "controlplane/sql/database.h"
#include "controlplane/storage/node_client.h"

namespace registry::controlplane {

// Searches one node. Blocks. Logs the files that it deletes, or their number. `stopping` ends it
// early. Returns the number of deleted files. Errors: those of the database and of the node.
absl::StatusOr<int64_t> SweepUploads(Database& database, const NodeClient& nodes,
                                     const std::string& node,
                                     const std::function<bool()>& stopping);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_UPKEEP_UPLOAD_SWEEP_H_
