// Bearer tokens: JSON Web Tokens signed with HMAC-SHA-256 (HS256).
//
// Besides the registered claims, a token carries `access`, its scopes in a short form
// (token_access.h), and `credential_version`, the version of its user's password (User in
// policy/objects.h). A token only narrows what the policy allows, so code that accepts a token must
// still ask the policy. A token without `sub` belongs to an anonymous client.
//
// Clocks may differ: Verify checks `nbf`, `iat` and `exp` with base::kTokenLeeway both ways.
//
// Thread-safe. Sources: RFC 7519; Docker token specification (distribution docs, spec/auth/jwt).
#ifndef REGISTRY_CONTROLPLANE_ACCESS_TOKENS_H_
#define REGISTRY_CONTROLPLANE_ACCESS_TOKENS_H_

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "controlplane/access/token_access.h"
#include "controlplane/clock.h"
#include "oci/scope.h"

namespace registry::controlplane {

// The least that clients expect (Docker token specification).
inline constexpr std::chrono::seconds kMinTokenLifetime{60};

struct TokenSignerOptions {
  // At least 32 bytes.
  std::string signing_key;
  std::string issuer = std::string(oci::kTokenService);
  std::string audience = std::string(oci::kTokenService);
  std::chrono::seconds lifetime{300};
  Clock clock = SystemNowMs;
};

// The holder of a token and its scopes.
struct TokenGrant {
  // The user's name; empty for an anonymous client.
  std::string subject;
  std::string credential_version;
  // At most base::kMaxTokenScopes.
  std::vector<oci::Scope> access;
};

struct IssuedToken {
  std::string text;
  // Seconds since the epoch.
  int64_t issued_at_s;
  int64_t expires_at_s;
};

struct VerifiedToken {
  // As in TokenGrant.
  std::string subject;
  std::string credential_version;
  TokenAccess access;
  // Verify refuses it from this second since the epoch on.
  int64_t refused_at_s;
};

class TokenSigner {
 public:
  // Errors: INVALID_ARGUMENT for a short key or a lifetime below kMinTokenLifetime.
  static absl::StatusOr<std::unique_ptr<TokenSigner>> Create(TokenSignerOptions options);

  // Same with another key. Error: as above.
  absl::StatusOr<std::unique_ptr<TokenSigner>> WithKey(std::string signing_key) const;

  TokenSigner(const TokenSigner&) = delete;
  TokenSigner& operator=(const TokenSigner&) = delete;

  const std::string& audience() const { return options_.audience; }

  // Errors: INVALID_ARGUMENT for more than base::kMaxTokenScopes, or if the token would have more
  // than base::kMaxIssuedTokenBytes; INTERNAL.
  absl::StatusOr<IssuedToken> Issue(const TokenGrant& grant) const;

  // Error: UNAUTHENTICATED; it tells a person why `text` is not a valid token of this registry.
  absl::StatusOr<VerifiedToken> Verify(absl::string_view text) const;

 private:
  explicit TokenSigner(TokenSignerOptions options);

  const unsigned char* key() const;
  int key_size() const { return static_cast<int>(options_.signing_key.size()); }

  const TokenSignerOptions options_;
  // Of TokenAccess.
  const std::string access_key_;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_ACCESS_TOKENS_H_
