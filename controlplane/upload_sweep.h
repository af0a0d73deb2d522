// Deletes unfinished files that no row names: bytes of a writer that outlived its session, or of a
// database that was restored from a backup.
//
// A row exists from before the first byte until after the last one. So a file that was listed first
// and has no row afterwards is nobody's. Only unfinished files are touched: after a restore, a
// finished one may be the only copy of a blob, while no client can resume a session that the
// database does not know. Thread-safe. Times are milliseconds since the epoch.
#ifndef REGISTRY_CONTROLPLANE_UPLOAD_SWEEP_H_
#define REGISTRY_CONTROLPLANE_UPLOAD_SWEEP_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "controlplane/sql/database.h"
#include "controlplane/storage_nodes.h"

namespace registry::controlplane {

// Searches one node. Blocks. Logs each file that it deletes, or how many. `stopping` ends it early.
// Returns the number of files deleted. Errors: those of the database and of the node.
absl::StatusOr<int64_t> SweepUploads(Database& database, StorageNodes& nodes,
                                     const std::string& node,
                                     const std::function<bool()>& stopping);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_UPLOAD_SWEEP_H_
