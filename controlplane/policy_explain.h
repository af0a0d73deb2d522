// Why somebody may or may not do something, in the words of administrators: a subject, an action
// such as "push", and a repository.
//
// Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_POLICY_EXPLAIN_H_
#define REGISTRY_CONTROLPLANE_POLICY_EXPLAIN_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "controlplane/policy_holder.h"

namespace registry::controlplane {

struct ExplainedCheck {
  Action action;
  Explanation explanation;
};

struct ExplainedAction {
  bool allowed = false;
  // A sentence.
  std::string reason;
  // The first check that is denied, or else the last one.
  ExplainedCheck decisive;
  std::vector<ExplainedCheck> checks;
};

// Arguments as in admin.proto's ExplainRequest. Errors: INVALID_ARGUMENT, NOT_FOUND
// (policy_error.h).
absl::StatusOr<ExplainedAction> Explain(const PolicySnapshot& snapshot, absl::string_view subject,
                                        absl::string_view action, absl::string_view repository);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_POLICY_EXPLAIN_H_
