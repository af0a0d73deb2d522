// Stored bytes that no blob needs any more, and the orders to delete them.
//
// A row of trash says: delete this incarnation on this node. It goes only after the node has done
// so. An incarnation is never used again, so several processes may carry out the same order, also
// late and repeatedly. Thread-safe. Times are milliseconds since the epoch.
#ifndef REGISTRY_CONTROLPLANE_TRASH_H_
#define REGISTRY_CONTROLPLANE_TRASH_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "controlplane/sql/database.h"

namespace registry::controlplane {

// Orders the deletion of all copies of an incarnation at `due_ms`. `digest` is a hint: what the
// bytes hash to, if that is known.
void MoveToTrash(Transaction& t, absl::string_view incarnation,
                 const std::optional<std::string>& digest, int64_t due_ms);

// The same for an upload that was not finished. A request that found its session before may still
// write, so what it wrote is deleted once more after base::kUploadDeleteAgain; only then are the
// rows forgotten.
void MoveUnfinishedToTrash(Transaction& t, absl::string_view incarnation, int64_t now_ms);

struct TrashItem {
  std::string incarnation;
  std::string node;
  // Empty when unknown.
  std::string digest;
  // The order stays for a second deletion.
  bool delete_again = false;
};

// At most `limit` orders that are due. They are due again after base::kTrashRetry, if they are not
// forgotten until then.
absl::StatusOr<std::vector<TrashItem>> ClaimTrash(Database& database, int limit, int64_t now_ms);

// Forgets orders that were carried out, or has them carried out once more later.
absl::Status ForgetTrash(Database& database, const std::vector<TrashItem>& done, int64_t now_ms);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_TRASH_H_
