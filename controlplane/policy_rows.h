// The objects of an access policy as rows of the table policy_objects: a kind, a name, and the rest
// as a JSON object, from which a reader of the database sees what is meant.
//
// Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_POLICY_ROWS_H_
#define REGISTRY_CONTROLPLANE_POLICY_ROWS_H_

#include <map>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "controlplane/policy_objects.h"

namespace registry::controlplane {

// "user", "group", "role", "role_binding", "token", "revocation"; then the name.
using PolicyRowKey = std::pair<std::string, std::string>;

struct PolicyRow {
  // JSON.
  std::string spec;
  std::string origin;

  friend bool operator==(const PolicyRow&, const PolicyRow&) = default;
};
using PolicyRows = std::map<PolicyRowKey, PolicyRow>;

// Error: INVALID_ARGUMENT when two objects of a kind have the same name.
absl::StatusOr<PolicyRows> ToRows(const PolicyObjects& objects);

// In the order of the names. Error: DATA_LOSS for what ToRows does not write.
absl::StatusOr<PolicyObjects> FromRows(const PolicyRows& rows);

// What differs between two specs, of which one may be empty for an object that is new or deleted:
// `groups -["ops"] +["devs"]`, without the hashes of passwords and of tokens.
std::string DescribeChange(const std::string& before, const std::string& after);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_POLICY_ROWS_H_
