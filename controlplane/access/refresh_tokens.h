// Refresh tokens: long-lived secrets that replace a user's password at the token service.
//
// A token is random text. The database stores only its hash and the password's version at issue, so
// that a change of the password ends the token. It also ends after base::kRefreshTokenIdleExpiry
// without use, or once its user has base::kMaxRefreshTokens newer ones.
//
// Thread-safe. Times are milliseconds since the epoch.
// Source: Docker token specification (distribution docs, spec/auth/oauth).
#ifndef REGISTRY_CONTROLPLANE_ACCESS_REFRESH_TOKENS_H_
#define REGISTRY_CONTROLPLANE_ACCESS_REFRESH_TOKENS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "controlplane/sql/database.h"

namespace registry::controlplane {

struct RefreshTokenOwner {
  std::string user_name;
  std::string credential_version;
};

// Creates and stores a new token.
absl::StatusOr<std::string> IssueRefreshToken(Database& database, const RefreshTokenOwner& owner,
                                              int64_t now_ms);

// Returns the owner of token `text`. Error: UNAUTHORIZED if it is unknown or expired.
absl::StatusOr<RefreshTokenOwner> UseRefreshToken(Database& database, absl::string_view text,
                                                  int64_t now_ms);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_ACCESS_REFRESH_TOKENS_H_
