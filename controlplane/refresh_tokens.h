// Refresh tokens: long-lived secrets that stand for a user's password at the token service.
//
// A token is random text; the database knows only its hash, and the version of the password that it
// was issued for, so that a change of the password ends it. It ends as well when it was not used
// for base::kRefreshTokenIdleExpiry, or when its user got base::kMaxRefreshTokens newer ones.
//
// Thread-safe. Times are milliseconds since the epoch.
// Source: Docker token specification (distribution docs, spec/auth/oauth).
#ifndef REGISTRY_CONTROLPLANE_REFRESH_TOKENS_H_
#define REGISTRY_CONTROLPLANE_REFRESH_TOKENS_H_

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

// Makes and keeps a new token.
absl::StatusOr<std::string> IssueRefreshToken(Database& database, const RefreshTokenOwner& owner,
                                              int64_t now_ms);

// Whose token `text` is. Error: UNAUTHORIZED when it is nobody's, or has expired.
absl::StatusOr<RefreshTokenOwner> UseRefreshToken(Database& database, absl::string_view text,
                                                  int64_t now_ms);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_REFRESH_TOKENS_H_
