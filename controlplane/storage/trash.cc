#include "controlplane/storage/trash.h"

#include "base/limits.h"
#include "controlplane/clock.h"

namespace registry::controlplane {

void MoveToTrash(Transaction& t, absl::string_view incarnation,
                 const std::optional<std::string>& digest, int64_t due_ms) {
  t.Execute(
      "INSERT INTO trash (incarnation, node, digest, not_before_ms) "
      "SELECT incarnation, node, ?2, ?3 FROM blob_replicas WHERE incarnation = ?1 "
      "ON CONFLICT (incarnation, node) DO NOTHING",
      {incarnation, digest, due_ms});
  t.Execute("UPDATE blob_replicas SET state = 'deleting' WHERE incarnation = ?1", {incarnation});
}

void MoveUnfinishedToTrash(Transaction& t, absl::string_view incarnation, int64_t now_ms) {
  MoveToTrash(t, incarnation, std::nullopt, now_ms);
  t.Execute("UPDATE trash SET delete_again = 1 WHERE incarnation = ?1", {incarnation});
}

absl::StatusOr<std::vector<TrashItem>> ClaimTrash(Database& database, int limit, int64_t now_ms) {
  return RunTransaction(
      database, TransactionMode::kPoll,
      [&](Transaction& t) -> absl::StatusOr<std::vector<TrashItem>> {
        std::vector<TrashItem> items;
        t.Query(
            absl::StrCat("SELECT incarnation, node, coalesce(digest, ''), delete_again FROM trash "
                         "WHERE not_before_ms <= ?1 ORDER BY not_before_ms LIMIT ?2",
                         t.skip_locked()),
            {now_ms, limit}, [&](const Row& row) {
              items.push_back({.incarnation = std::string(row.Text(0)),
                               .node = std::string(row.Text(1)),
                               .digest = std::string(row.Text(2)),
                               .delete_again = row.Int(3) != 0});
            });
        for (const TrashItem& item : items) {
          t.Execute("UPDATE trash SET not_before_ms = ?3 WHERE incarnation = ?1 AND node = ?2",
                    {item.incarnation, item.node, now_ms + ToMs(base::kTrashRetry)});
        }
        return items;
      });
}

absl::Status ForgetTrash(Database& database, const std::vector<TrashItem>& done, int64_t now_ms) {
  if (done.empty()) return absl::OkStatus();
  return RunTransaction(database, TransactionMode::kWrite, [&](Transaction& t) -> absl::Status {
    for (const TrashItem& item : done) {
      if (item.delete_again) {
        // Another worker may already have done so: then the second deletion waits until it is due.
        t.Execute(
            "UPDATE trash SET delete_again = 0, not_before_ms = ?3 "
            "WHERE incarnation = ?1 AND node = ?2 AND delete_again = 1",
            {item.incarnation, item.node, now_ms + ToMs(base::kUploadDeleteAgain)});
        continue;
      }
      t.Execute("DELETE FROM trash WHERE incarnation = ?1 AND node = ?2",
                {item.incarnation, item.node});
      t.Execute("DELETE FROM blob_replicas WHERE incarnation = ?1 AND node = ?2",
                {item.incarnation, item.node});
    }
    return absl::OkStatus();
  });
}

}  // namespace registry::controlplane
