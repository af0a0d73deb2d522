// Audit log of changes to the access policy: who made which change, when and from where.
//
// The transaction of a change writes its event too, so that neither exists without the other. The
// log keeps the newest base::kMaxAuditEvents events. Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_POLICY_AUDIT_LOG_H_
#define REGISTRY_CONTROLPLANE_POLICY_AUDIT_LOG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "controlplane/sql/database.h"

namespace registry::controlplane {

// The author of a change and the address it came from; see AuditEvent in admin.proto.
struct Actor {
  std::string principal;
  std::string peer;
};

// The registry itself, at start-up or on a signal.
Actor ThisProcess();

struct AuditEvent {
  // Increasing; set by AppendAuditEvent.
  int64_t id = 0;
  // Milliseconds since the epoch.
  int64_t at_ms = 0;
  Actor actor;
  std::string method;
  std::string resource;
  // Contains no secrets.
  std::string detail;
  // The policy's revision after the change.
  int64_t revision = 0;
};

void AppendAuditEvent(Transaction& t, const AuditEvent& event);

// At most `limit` events older than `before_id`, newest first.
absl::StatusOr<std::vector<AuditEvent>> ListAuditEvents(Database& database, int64_t before_id,
                                                        int limit);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_POLICY_AUDIT_LOG_H_
