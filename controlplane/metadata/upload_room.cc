#include "controlplane/metadata/upload_room.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/quote.h"
#include "controlplane/clock.h"
#include "controlplane/metadata/uploads.h"
#include "controlplane/storage/trash.h"
#include "oci/error.h"

namespace registry::controlplane {
namespace {

int64_t EndIdle(Transaction& t, const std::optional<std::string>& principal, int limit,
                int64_t now_ms) {
  std::vector<std::string> idle;
  t.Query(
      "SELECT id FROM uploads WHERE state = 'open' AND touched_at_ms < ?1 "
      "AND (?2 = 0 OR principal = ?3) ORDER BY touched_at_ms LIMIT ?4",
      {now_ms - ToMs(base::kUploadMakesRoom), int64_t{principal.has_value()},
       principal.value_or(""), limit},
      [&](const Row& row) { idle.emplace_back(row.Text(0)); });
  for (const std::string& id : idle) EndSession(t, id, now_ms);
  return static_cast<int64_t>(idle.size());
}

// The owner of an open session; nullopt if there is no such session.
std::optional<std::string> FindPrincipal(Transaction& t, const UploadExtension& extension) {
  if (!base::IsUuid(extension.upload_id)) return std::nullopt;
  return t.QueryFirst(
      "SELECT u.principal FROM uploads AS u JOIN repositories AS r ON r.id = u.repository_id "
      "WHERE u.id = ?1 AND r.name = ?2 AND u.state = 'open'",
      {extension.upload_id, extension.repository.ToString()},
      [](const Row& row) { return std::string(row.Text(0)); });
}

// Bytes granted to all open sessions but `id`. `principal`: only those of this user.
int64_t GrantedBytes(Transaction& t, absl::string_view id,
                     const std::optional<std::string>& principal) {
  const auto read = [](const Row& row) { return row.Int(0); };
  if (!principal.has_value()) {
    return t
        .QueryFirst(
            "SELECT CAST(coalesce(sum(granted_bytes), 0) AS BIGINT) FROM uploads "
            "WHERE state = 'open' AND id <> ?1",
            {id}, read)
        .value_or(0);
  }
  return t
      .QueryFirst(
          "SELECT CAST(coalesce(sum(granted_bytes), 0) AS BIGINT) FROM uploads "
          "WHERE state = 'open' "
          "AND principal = ?2 AND id <> ?1",
          {id, *principal}, read)
      .value_or(0);
}

// One of the two limits, applied to one session.
class Limit {
 public:
  // `principal`: the user whose sessions count; nullopt: all.
  Limit(Transaction& t, const UploadExtension& extension, int64_t limit_bytes,
        std::optional<std::string> principal)
      : t_(t), extension_(extension), limit_bytes_(limit_bytes), principal_(std::move(principal)) {}

  // Ends idle sessions, those of `first` before all others, until `need_bytes` fit or no idle
  // sessions are left. Returns true if they fit.
  bool MakeRoom(const std::string& first, int64_t need_bytes, int64_t now_ms) {
    if (Fits(need_bytes)) return true;
    // More than the whole limit: ending other sessions would not help.
    if (need_bytes > limit_bytes_) return false;
    if (EndUntilFit(first, need_bytes, now_ms)) return true;
    return !principal_.has_value() && EndUntilFit(std::nullopt, need_bytes, now_ms);
  }

  int64_t limit_bytes() const { return limit_bytes_; }
  // Bytes that the session may hold, and that the others hold; after MakeRoom.
  int64_t available_bytes() const { return available_bytes_; }
  int64_t other_bytes() const { return limit_bytes_ - available_bytes_; }

 private:
  bool Fits(int64_t need_bytes) {
    available_bytes_ = limit_bytes_ > 0
                           ? limit_bytes_ - GrantedBytes(t_, extension_.upload_id, principal_)
                           : std::numeric_limits<int64_t>::max();
    return need_bytes <= available_bytes_;
  }

  bool EndUntilFit(const std::optional<std::string>& principal, int64_t need_bytes,
                   int64_t now_ms) {
    // Others wait for the database's writer: leave the rest to the next request.
    constexpr int kMaxBatches = 10;
    for (int batch = 0; batch < kMaxBatches; ++batch) {
      if (EndIdle(t_, principal, base::kUpkeepBatch, now_ms) == 0) return false;
      if (Fits(need_bytes)) return true;
    }
    return false;
  }

  Transaction& t_;
  const UploadExtension& extension_;
  const int64_t limit_bytes_;
  const std::optional<std::string> principal_;
  int64_t available_bytes_ = 0;
};

absl::Status UserHasTooMuch(const std::string& principal, int64_t need_bytes, const Limit& limit) {
  const std::string who =
      principal.empty() ? "anonymous clients" : absl::StrCat("user ", base::Quote(principal));
  return oci::MakeError(
      oci::ErrorCode::kTooManyRequests,
      absl::StrCat("this upload needs ", need_bytes, " bytes, but the unfinished uploads of ", who,
                   " may hold ", limit.limit_bytes(), " bytes, and the others hold ",
                   limit.other_bytes(),
                   ": finish or cancel some of them, or ask for a higher -uploadlimituser"));
}

absl::Status AllHaveTooMuch(int64_t need_bytes, const Limit& limit) {
  return absl::ResourceExhaustedError(absl::StrCat(
      "this upload needs ", need_bytes, " bytes, but all unfinished uploads may hold ",
      limit.limit_bytes(), " bytes together, and the others hold ", limit.other_bytes(),
      ": try again when some of them have ended, or ask for a higher -uploadlimit"));
}

// The transaction commits even if it refuses the request: idle sessions stay ended, so that the
// next request finds more space.
struct Outcome {
  absl::Status refusal;
  int64_t granted_bytes = 0;
};

absl::StatusOr<Outcome> Extend(Transaction& t, const UploadLimits& limits,
                               const UploadExtension& extension, int64_t now_ms) {
  const std::optional<std::string> principal = FindPrincipal(t, extension);
  if (!principal.has_value()) return UploadUnknown(extension.repository, extension.upload_id);
  // Touch it first, otherwise this idle session might be ended to make room for itself.
  t.Execute("UPDATE uploads SET touched_at_ms = ?2 WHERE id = ?1", {extension.upload_id, now_ms});

  const int64_t need_bytes = std::max(extension.size_bytes, extension.final_size_bytes);
  Limit user(t, extension, limits.user_bytes, *principal);
  if (!user.MakeRoom(*principal, need_bytes, now_ms)) {
    return Outcome{.refusal = UserHasTooMuch(*principal, need_bytes, user)};
  }
  Limit total(t, extension, limits.total_bytes, std::nullopt);
  if (!total.MakeRoom(*principal, need_bytes, now_ms)) {
    return Outcome{.refusal = AllHaveTooMuch(need_bytes, total)};
  }
  Outcome outcome = {.granted_bytes = need_bytes};
  if (extension.final_size_bytes == 0) {
    // Grant some more, so that the gateway need not ask for every chunk; but little if little is
    // left, so that others are not refused for bytes that never arrive.
    const int64_t left = std::min(user.available_bytes(), total.available_bytes()) - need_bytes;
    outcome.granted_bytes += std::min(base::kUploadGrantBytes, left / 8);
  }
  t.Execute("UPDATE uploads SET granted_bytes = ?2 WHERE id = ?1",
            {extension.upload_id, outcome.granted_bytes});
  return outcome;
}

}  // namespace

absl::StatusOr<int64_t> ExtendUpload(Database& database, const UploadLimits& limits,
                                     const UploadExtension& extension, int64_t now_ms) {
  if (extension.size_bytes < 0 || extension.final_size_bytes < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("an upload cannot have ",
                     std::min(extension.size_bytes, extension.final_size_bytes), " bytes"));
  }
  const absl::StatusOr<Outcome> outcome =
      RunTransaction(database, TransactionMode::kWrite,
                     [&](Transaction& t) { return Extend(t, limits, extension, now_ms); });
  if (!outcome.ok()) return outcome.status();
  if (!outcome->refusal.ok()) return outcome->refusal;
  return outcome->granted_bytes;
}

absl::StatusOr<int64_t> EndIdleUploads(Database& database,
                                       const std::optional<std::string>& principal, int limit,
                                       int64_t now_ms) {
  return RunTransaction(database, TransactionMode::kWrite,
                        [&](Transaction& t) -> absl::StatusOr<int64_t> {
                          return EndIdle(t, principal, limit, now_ms);
                        });
}

}  // namespace registry::controlplane
