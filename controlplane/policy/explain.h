// Explains decisions to administrators: why a subject may or may not do an action, such as "push",
// in a repository.
//
// Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_POLICY_EXPLAIN_H_
#define REGISTRY_CONTROLPLANE_POLICY_EXPLAIN_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "controlplane/policy/holder.h"

namespace registry::controlplane {

struct ExplainedCheck {
  Action action;
  Explanation explanation;
};

struct ExplainedAction {
  bool allowed = false;
  // A sentence.
  std::string reason;
  // The first denied check, or the last check if all are allowed.
  ExplainedCheck decisive;
  std::vector<ExplainedCheck> checks;
};

// The arguments are those of admin.proto's ExplainRequest. Errors: INVALID_ARGUMENT, NOT_FOUND
// (error.h).
absl::StatusOr<ExplainedAction> Explain(const PolicySnapshot& snapshot, absl::string_view subject,
                                        absl::string_view action, absl::string_view repository);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_POLICY_EXPLAIN_H_
