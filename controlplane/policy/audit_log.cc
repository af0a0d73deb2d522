#include "controlplane/policy/audit_log.h"

#include "base/limits.h"

namespace registry::controlplane {

Actor ThisProcess() { return {.principal = "process", .peer = ""}; }

void AppendAuditEvent(Transaction& t, const AuditEvent& event) {
  t.Execute(
      "INSERT INTO audit_log (at_ms, principal, peer, method, resource, detail, revision) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
      {event.at_ms, event.actor.principal, event.actor.peer, event.method, event.resource,
       event.detail, event.revision});
  t.Execute("DELETE FROM audit_log WHERE id <= (SELECT max(id) FROM audit_log) - ?1",
            {base::kMaxAuditEvents});
}

absl::StatusOr<std::vector<AuditEvent>> ListAuditEvents(Database& database, int64_t before_id,
                                                        int limit) {
  return RunTransaction(
      database, TransactionMode::kRead,
      [&](Transaction& t) -> absl::StatusOr<std::vector<AuditEvent>> {
        std::vector<AuditEvent> events;
        t.Query(
            "SELECT id, at_ms, principal, peer, method, resource, detail, revision FROM audit_log "
            "WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
            {before_id, limit}, [&](const Row& row) {
              events.push_back({.id = row.Int(0),
                                .at_ms = row.Int(1),
                                .actor = {.principal = std::string(row.Text(2)),
                                          .peer = std::string(row.Text(3))},
                                .method = std::string(row.Text(4)),
                                .resource = std::string(row.Text(5)),
                                .detail = std::string(row.Text(6)),
                                .revision = row.Int(7)});
            });
        return events;
      });
}

}  // namespace registry::controlplane
