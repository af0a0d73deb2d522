// Token scopes, `repository:NAME:pull,push`: clients request them, and bearer tokens grant them.
//
// Thread-safe. Source: the Docker token specification (distribution docs, spec/auth/scope).
#ifndef REGISTRY_OCI_SCOPE_H_
#define REGISTRY_OCI_SCOPE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace registry::oci {

// The `service` for which clients request tokens: named by challenges, issuer and audience of
// tokens.
inline constexpr absl::string_view kTokenService = "simple-registry";

struct Scope {
  std::string type;  // "repository", "registry"
  std::string name;  // a repository's name, "catalog"
  std::vector<std::string> actions;

  std::string ToString() const;
  friend bool operator==(const Scope&, const Scope&) = default;
};

// Parses one value of the `scope` parameter: scopes separated by spaces. Skips malformed scopes,
// because clients may request kinds that this registry does not know. Reads `type(class)` as
// `type`.
std::vector<Scope> ParseScopes(absl::string_view text);

}  // namespace registry::oci

#endif  // REGISTRY_OCI_SCOPE_H_
