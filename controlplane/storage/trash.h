// Trash: stored bytes that no blob needs any more, and the orders to delete them.
//
// A row of trash orders the deletion of an incarnation on a node, and stays until the node has
// deleted it. An incarnation is never reused, so several processes may execute an order, even late
// or repeatedly. Thread-safe. Times are milliseconds since the epoch.
#ifndef REGISTRY_CONTROLPLANE_STORAGE_TRASH_H_
#define REGISTRY_CONTROLPLANE_STORAGE_TRASH_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "controlplane/sql/database.h"

namespace registry::controlplane {

// Orders the deletion of all copies of an incarnation at `due_ms`. `digest` is a hint: the digest
// of the bytes, if known.
void MoveToTrash(Transaction& t, absl::string_view incarnation,
                 const std::optional<std::string>& digest, int64_t due_ms);

// Same for an unfinished upload. A request that found its session earlier may still write, so the
// bytes are deleted again after base::kUploadDeleteAgain; only then are the rows forgotten.
void MoveUnfinishedToTrash(Transaction& t, absl::string_view incarnation, int64_t now_ms);

struct TrashItem {
  std::string incarnation;
  std::string node;
  // Empty if unknown.
  std::string digest;
  // The order stays, for a second deletion.
  bool delete_again = false;
};

// Claims at most `limit` due orders. An order that is not forgotten within base::kTrashRetry is due
// again.
absl::StatusOr<std::vector<TrashItem>> ClaimTrash(Database& database, int limit, int64_t now_ms);

// Forgets executed orders, or schedules their second execution.
absl::Status ForgetTrash(Database& database, const std::vector<TrashItem>& done, int64_t now_ms);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_STORAGE_TRASH_H_
