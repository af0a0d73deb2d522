#include "controlplane/access/refresh_tokens.h"

#include "absl/strings/escaping.h"
#include "base/hash.h"
#include "base/limits.h"
#include "controlplane/clock.h"
#include "oci/error.h"

namespace registry::controlplane {
namespace {

constexpr size_t kSecretBytes = 32;

std::string HashOf(absl::string_view token) {
  base::Hasher hasher("sha256");
  hasher.Update(token);
  return hasher.Finish();
}

}  // namespace

absl::StatusOr<std::string> IssueRefreshToken(Database& database, const RefreshTokenOwner& owner,
                                              int64_t now_ms) {
  std::string token = absl::WebSafeBase64Escape(base::RandomBytes(kSecretBytes));
  const std::string hash = HashOf(token);
  const absl::Status status =
      RunTransaction(database, TransactionMode::kWrite, [&](Transaction& t) -> absl::Status {
        t.Execute("DELETE FROM refresh_tokens WHERE used_at_ms < ?1",
                  {now_ms - ToMs(base::kRefreshTokenIdleExpiry)});
        t.Execute(
            "DELETE FROM refresh_tokens WHERE user_name = ?1 AND hash NOT IN ("
            "SELECT hash FROM refresh_tokens WHERE user_name = ?1 "
            "ORDER BY used_at_ms DESC, hash LIMIT ?2)",
            {owner.user_name, base::kMaxRefreshTokens - 1});
        t.Execute(
            "INSERT INTO refresh_tokens "
            "(hash, user_name, credential_version, issued_at_ms, used_at_ms) "
            "VALUES (?1, ?2, ?3, ?4, ?4)",
            {Value::Bytes{hash}, owner.user_name, owner.credential_version, now_ms});
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return token;
}

absl::StatusOr<RefreshTokenOwner> UseRefreshToken(Database& database, absl::string_view text,
                                                  int64_t now_ms) {
  const std::string hash = HashOf(text);
  return RunTransaction(
      database, TransactionMode::kWrite, [&](Transaction& t) -> absl::StatusOr<RefreshTokenOwner> {
        std::optional<RefreshTokenOwner> owner = t.QueryFirst(
            "UPDATE refresh_tokens SET used_at_ms = ?2 WHERE hash = ?1 AND used_at_ms >= ?3 "
            "RETURNING user_name, credential_version",
            {Value::Bytes{hash}, now_ms, now_ms - ToMs(base::kRefreshTokenIdleExpiry)},
            [](const Row& row) {
              return RefreshTokenOwner{.user_name = std::string(row.Text(0)),
                                       .credential_version = std::string(row.Text(1))};
            });
        if (owner.has_value()) return *std::move(owner);
        return oci::MakeError(oci::ErrorCode::kUnauthorized,
                              "the refresh token is unknown or has expired; log in again");
      });
}

}  // namespace registry::controlplane
