#include "controlplane/upkeep/upload_sweep.h"

#include <vector>

#include "absl/status/status.h"
#include "base/limits.h"
#include "base/log.h"
#include "controlplane/clock.h"
#include "controlplane/storage/trash.h"

namespace registry::controlplane {
namespace {

// The incarnations in `listed` that are old enough and have no row.
absl::StatusOr<std::vector<v1::StoredIncarnation>> FindNameless(Database& database,
                                                                const v1::ListResponse& listed) {
  return RunTransaction(database, TransactionMode::kRead,
                        [&](Transaction& t) -> absl::StatusOr<std::vector<v1::StoredIncarnation>> {
                          std::vector<v1::StoredIncarnation> nameless;
                          for (const v1::StoredIncarnation& stored : listed.incarnations()) {
                            if (stored.age_ms() < ToMs(base::kUploadSweepAge)) continue;
                            const bool named =
                                t.Exists("SELECT 1 FROM blob_replicas WHERE incarnation = ?1",
                                         {stored.incarnation()}) ||
                                t.Exists("SELECT 1 FROM uploads WHERE id = ?1",
                                         {stored.incarnation()});
                            if (!named) nameless.push_back(stored);
                          }
                          return nameless;
                        });
}

}  // namespace

absl::StatusOr<int64_t> SweepUploads(Database& database, const NodeClient& nodes,
                                     const std::string& node,
                                     const std::function<bool()>& stopping) {
  int64_t deleted = 0;
  int64_t deleted_bytes = 0;
  absl::Status failure;
  std::string cursor;
  do {
    absl::StatusOr<v1::ListResponse> page = nodes.ListUnfinished(node, cursor);
    if (!page.ok()) return page.status();
    // Only after listing the files.
    const absl::StatusOr<std::vector<v1::StoredIncarnation>> nameless =
        FindNameless(database, *page);
    if (!nameless.ok()) return nameless.status();
    for (const v1::StoredIncarnation& stored : *nameless) {
      if (stopping()) return deleted;
      const absl::Status status =
          nodes.Delete({.incarnation = stored.incarnation(), .node = node, .digest = ""});
      if (absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status)) return status;
      if (!status.ok()) {
        // A file that cannot be deleted must not stop the others.
        failure = status;
        continue;
      }
      ++deleted;
      deleted_bytes += stored.size_bytes();
      if (deleted > base::kMaxLoggedSweeps) continue;
      base::LogWarning(
          "deleted bytes of an upload that is not in the database",
          {{"incarnation", stored.incarnation()}, {"node", node}, {"bytes", stored.size_bytes()}});
    }
    cursor = page->next();
  } while (!cursor.empty() && !stopping());
  if (deleted > base::kMaxLoggedSweeps) {
    base::LogWarning("deleted bytes of uploads that are not in the database",
                     {{"files", deleted}, {"node", node}, {"bytes", deleted_bytes}});
  }
  if (!failure.ok()) return failure;
  return deleted;
}

}  // namespace registry::controlplane
