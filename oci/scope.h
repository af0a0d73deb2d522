// Token scopes: `repository:NAME:pull,push`, what a bearer token is asked and issued for.
//
// Thread-safe. Source: the Docker token specification (distribution docs, spec/auth/scope).
#ifndef REGISTRY_OCI_SCOPE_H_
#define REGISTRY_OCI_SCOPE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace registry::oci {

struct Scope {
  std::string type;  // "repository", "registry"
  std::string name;  // a repository's name, "catalog"
  std::vector<std::string> actions;

  std::string ToString() const;
  friend bool operator==(const Scope&, const Scope&) = default;
};

// Parses one value of the `scope` parameter: scopes separated by spaces. Malformed ones are left
// out, because a client may ask for what this registry does not know. `type(class)` is `type`.
// At most 100 scopes are returned.
std::vector<Scope> ParseScopes(absl::string_view text);

}  // namespace registry::oci

#endif  // REGISTRY_OCI_SCOPE_H_
