// The access of a bearer token: its scopes in 9 bytes each, so that a token for
// base::kMaxTokenScopes repositories fits into base::kMaxIssuedTokenBytes.
//
//   TokenAccess access(key);
//   access.Add({"repository", "team/app", {"pull", "push"}});
//   access.Covers({"repository", "team/app", {"pull"}});  // true
//   access.Encode();                                      // "s8Pq3zv…": the `access` claim
//
// An entry is a hash of the scope's type and name, and a bit for each action. The hash is
// HMAC-SHA-256, cut to 64 bits. If two names had the same hash, a token for one would work for the
// other. It would give no right that its user lacks, because the policy decides every request as
// well. Still, the holder of a narrow token might search for such a name; but the hash has a key
// that never leaves the control plane, so each guess is a request, and one in 2^64 / 400 succeeds.
//
// Not thread-safe, except for const methods.
#ifndef REGISTRY_CONTROLPLANE_ACCESS_TOKEN_ACCESS_H_
#define REGISTRY_CONTROLPLANE_ACCESS_TOKEN_ACCESS_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "oci/scope.h"

namespace registry::controlplane {

class TokenAccess {
 public:
  // Covers nothing. `key` has 32 random bytes; the access is unreadable without it.
  explicit TokenAccess(std::string key) : key_(std::move(key)) {}

  // Decodes the result of Encode; nullopt for any other text.
  static std::optional<TokenAccess> Decode(std::string key, absl::string_view text);

  // Adds the scope's actions pull, push, delete and *. Ignores others.
  void Add(const oci::Scope& scope);

  // Returns true if the token may be used for every action of `needed`. "*" stands for all actions.
  bool Covers(const oci::Scope& needed) const;

  // Base64 with the URL alphabet, without padding.
  std::string Encode() const;

 private:
  std::string HashOf(const oci::Scope& scope) const;

  std::string key_;
  // Entries, one after another.
  std::string entries_;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_ACCESS_TOKEN_ACCESS_H_
