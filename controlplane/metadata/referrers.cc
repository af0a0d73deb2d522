#include "controlplane/metadata/referrers.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/quote.h"
#include "base/utf8.h"
#include "controlplane/metadata/repositories.h"
#include "oci/error.h"

namespace registry::controlplane {
namespace {

// Rows may be large, and a page ends by bytes too.
constexpr size_t kBatch = 50;

// Each query has its own index (migrations.cc).
constexpr absl::string_view kAll =
    "SELECT digest, media_type, size_bytes, artifact_type, annotations FROM manifests "
    "WHERE repository_id = ?1 AND subject = ?2 AND digest > ?3 ORDER BY digest LIMIT ?4";
constexpr absl::string_view kOfType =
    "SELECT digest, media_type, size_bytes, artifact_type, annotations FROM manifests "
    "WHERE repository_id = ?1 AND subject = ?2 AND digest > ?3 AND artifact_type = ?5 "
    "ORDER BY digest LIMIT ?4";

Referrer ReadReferrer(const Row& row) {
  Referrer referrer = {.digest = std::string(row.Text(0)),
                       .media_type = std::string(row.Text(1)),
                       .size_bytes = row.Int(2),
                       .artifact_type = std::string(row.Text(3)),
                       .annotations = row.IsNull(4) ? std::string() : std::string(row.Text(4))};
  // Drops annotations that would fill a page alone, leaving no room for further referrers.
  if (referrer.annotations.size() > base::kMaxReferrersBytes / 2) referrer.annotations.clear();
  return referrer;
}

size_t SizeOf(const Referrer& referrer) {
  constexpr size_t kJsonAroundIt = 100;
  return referrer.digest.size() + referrer.media_type.size() + referrer.artifact_type.size() +
         referrer.annotations.size() + kJsonAroundIt;
}

}  // namespace

absl::StatusOr<ReferrersPage> ListReferrers(Database& database, const ReferrersQuery& query) {
  if (query.limit < 0) {
    return absl::InvalidArgumentError(absl::StrCat("the limit ", query.limit, " is below 0"));
  }
  for (const std::string* text : {&query.artifact_type, &query.last}) {
    if (base::IsUtf8Text(*text)) continue;
    return oci::MakeError(oci::ErrorCode::kQueryInvalid,
                          absl::StrCat("invalid query parameter ", base::Quote(*text),
                                       ": it must be UTF-8 without NUL characters"));
  }
  const auto limit = static_cast<size_t>(std::min(query.limit, base::kMaxReferrersPage));
  return RunTransaction(
      database, TransactionMode::kRead, [&](Transaction& t) -> absl::StatusOr<ReferrersPage> {
        ReferrersPage page;
        const std::optional<int64_t> id = FindRepository(t, query.repository);
        if (!id.has_value() || limit == 0) return page;
        size_t bytes = 0;
        size_t rows = 0;
        const auto on_row = [&](const Row& row) {
          ++rows;
          if (page.more) return;
          Referrer referrer = ReadReferrer(row);
          bytes += SizeOf(referrer);
          page.more = page.referrers.size() == limit ||
                      (bytes > base::kMaxReferrersBytes && !page.referrers.empty());
          if (!page.more) page.referrers.push_back(std::move(referrer));
        };
        const std::string& subject = query.subject.ToString();
        std::string last = query.last;
        do {
          rows = 0;
          if (query.artifact_type.empty()) {
            t.Query(kAll, {*id, subject, last, kBatch}, on_row);
          } else {
            t.Query(kOfType, {*id, subject, last, kBatch, query.artifact_type}, on_row);
          }
          if (!page.referrers.empty()) last = page.referrers.back().digest;
        } while (rows == kBatch && !page.more);
        return page;
      });
}

}  // namespace registry::controlplane
