#include "controlplane/access/signing_key.h"

#include "base/hash.h"
#include "controlplane/clock.h"

namespace registry::controlplane {
namespace {

constexpr size_t kKeyBytes = 32;

}  // namespace

absl::StatusOr<std::string> TokenSigningKey(Database& database) {
  const std::string fresh = base::RandomBytes(kKeyBytes);
  return RunTransaction(
      database, TransactionMode::kWrite, [&](Transaction& t) -> absl::StatusOr<std::string> {
        std::optional<std::string> kept =
            t.QueryFirst("SELECT secret FROM signing_keys ORDER BY id DESC LIMIT 1", {},
                         [](const Row& row) { return std::string(row.Bytes(0)); });
        if (kept.has_value()) return *std::move(kept);
        t.Execute("INSERT INTO signing_keys (secret, created_at_ms) VALUES (?1, ?2)",
                  {Value::Bytes{fresh}, database.NowMs()});
        return fresh;
      });
}

std::string DeriveSigningKey(absl::string_view secret) {
  return base::HmacSha256(secret, "simple-registry: signing key of tokens, 1");
}

}  // namespace registry::controlplane
