// The access of a bearer token: the scopes it was issued for, in 9 bytes each, so that a token for
// base::kMaxTokenScopes repositories fits into base::kMaxIssuedTokenBytes.
//
//   TokenAccess access(key);
//   access.Add({"repository", "team/app", {"pull", "push"}});
//   access.Covers({"repository", "team/app", {"pull"}});  // true
//   access.Encode();                                      // "s8Pq3zv…": the `access` claim
//
// An entry is a hash of the scope's type and name, and a bit for each action. The hash is
// HMAC-SHA-256, cut to 64 bits. Two names with the same hash would let a token for one of them be
// used for the other. That gives nobody a right that its user does not have, because the policy
// decides every request besides. Still, somebody who was handed a narrow token might look for such
// a name; but the hash has a key that never leaves the control plane, so that each guess is a
// request, and one in 2^64 / 400 finds something.
//
// Not thread-safe, except for const methods.
#ifndef REGISTRY_CONTROLPLANE_TOKEN_ACCESS_H_
#define REGISTRY_CONTROLPLANE_TOKEN_ACCESS_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "oci/scope.h"

namespace registry::controlplane {

class TokenAccess {
 public:
  // Covers nothing. `key` has 32 random bytes; only whoever has it can read the access.
  explicit TokenAccess(std::string key) : key_(std::move(key)) {}

  // Reads what Encode returned; nullopt for any other text.
  static std::optional<TokenAccess> Decode(std::string key, absl::string_view text);

  // Adds the scope's actions pull, push, delete and *. Others have no meaning and are left out.
  void Add(const oci::Scope& scope);

  // Returns true if the token may be used for every action of `needed`. "*" stands for all actions.
  bool Covers(const oci::Scope& needed) const;

  // Base64 with the alphabet of URLs, without padding.
  std::string Encode() const;

 private:
  std::string HashOf(const oci::Scope& scope) const;

  std::string key_;
  // Entries, one after another.
  std::string entries_;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_TOKEN_ACCESS_H_
