// The audit log: who changed the access policy, how, when and from where.
//
// An event is written in the transaction of its change, so that there is neither without the other.
// The newest base::kMaxAuditEvents are kept. Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_AUDIT_LOG_H_
#define REGISTRY_CONTROLPLANE_AUDIT_LOG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "controlplane/sql/database.h"

namespace registry::controlplane {

// Who changes something, and from where; see AuditEvent in admin.proto.
struct Actor {
  std::string principal;
  std::string peer;
};

// The registry itself, at its start or told by a signal.
Actor ThisProcess();

struct AuditEvent {
  // Goes up; set by AppendAuditEvent.
  int64_t id = 0;
  // Milliseconds since the epoch.
  int64_t at_ms = 0;
  Actor actor;
  std::string method;
  std::string resource;
  // Without secrets.
  std::string detail;
  // Of the policy, since then.
  int64_t revision = 0;
};

void AppendAuditEvent(Transaction& t, const AuditEvent& event);

// At most `limit` events older than the one of that id, the newest first.
absl::StatusOr<std::vector<AuditEvent>> ListAuditEvents(Database& database, int64_t before_id,
                                                        int limit);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_AUDIT_LOG_H_
