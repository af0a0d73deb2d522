// Converts the objects of an access policy to and from rows of the table policy_objects: a kind, a
// name, and the rest as a JSON object that people can read.
//
// Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_POLICY_ROWS_H_
#define REGISTRY_CONTROLPLANE_POLICY_ROWS_H_

#include <map>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "controlplane/policy/objects.h"

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

// Error: INVALID_ARGUMENT if two objects of a kind have the same name.
absl::StatusOr<PolicyRows> ToRows(const PolicyObjects& objects);

// Sorted by name. Error: DATA_LOSS for rows that ToRows does not write.
absl::StatusOr<PolicyObjects> FromRows(const PolicyRows& rows);

// Describes the difference between two specs: `groups -["ops"] +["devs"]`. A new or deleted object
// has an empty spec before or after. Omits the hashes of passwords and tokens.
std::string DescribeChange(const std::string& before, const std::string& after);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_POLICY_ROWS_H_
