#include "controlplane/repositories.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "oci/error.h"

namespace registry::controlplane {
namespace {

int64_t FirstInt(const Row& row) { return row.Int(0); }

void RecordTag(Transaction& t, const TagChange& change, absl::string_view tag,
               const std::optional<std::string>& digest) {
  t.Execute(
      "INSERT INTO tag_history (repository_id, tag, digest, principal, changed_at_ms) "
      "VALUES (?1, ?2, ?3, ?4, ?5)",
      {change.repository_id, tag, digest, change.principal, change.now_ms});
}

// An upload alone has a row too, before anything was pushed.
bool HasContent(Transaction& t, int64_t id) {
  return t.Exists("SELECT 1 FROM manifests WHERE repository_id = ?1 LIMIT 1", {id}) ||
         t.Exists("SELECT 1 FROM repository_blobs WHERE repository_id = ?1 LIMIT 1", {id});
}

absl::Status CheckPage(absl::string_view last, int limit) {
  if (limit < 0) {
    return absl::InvalidArgumentError(absl::StrCat("the limit ", limit, " is below 0"));
  }
  if (!base::IsUtf8Text(last)) {
    return oci::MakeError(oci::ErrorCode::kQueryInvalid,
                          absl::StrCat("cannot list what comes after ", oci::Quote(last),
                                       ": it must be UTF-8 without NUL characters"));
  }
  return absl::OkStatus();
}

// Takes one row more than the page holds, which tells whether more follow.
class PageReader {
 public:
  explicit PageReader(int limit) : limit_(static_cast<size_t>(limit)) {}

  // How many rows to ask for.
  size_t rows() const { return limit_ == 0 ? 0 : limit_ + 1; }

  void Add(const Row& row) {
    if (page_.names.size() == limit_) {
      page_.more = true;
    } else {
      page_.names.emplace_back(row.Text(0));
    }
  }

  NamesPage Finish() { return std::move(page_); }

 private:
  const size_t limit_;
  NamesPage page_;
};

}  // namespace

std::optional<int64_t> FindRepository(Transaction& t, const oci::RepositoryName& name) {
  return t.QueryFirst("SELECT id FROM repositories WHERE name = ?1", {name.ToString()}, FirstInt);
}

int64_t EnsureRepository(Transaction& t, const oci::RepositoryName& name, int64_t now_ms) {
  if (const std::optional<int64_t> id = FindRepository(t, name)) return *id;
  return t
      .QueryFirst("INSERT INTO repositories (name, created_at_ms) VALUES (?1, ?2) RETURNING id",
                  {name.ToString(), now_ms}, FirstInt)
      .value_or(0);
}

absl::Status RepositoryUnknown(const oci::RepositoryName& name) {
  return oci::MakeError(oci::ErrorCode::kNameUnknown,
                        absl::StrCat("repository ", oci::Quote(name.ToString()),
                                     " is unknown: nothing was pushed to it yet"));
}

void SetTag(Transaction& t, const TagChange& change, const oci::Tag& tag,
            const oci::Digest& manifest) {
  const int64_t changed = t.Execute(
      "INSERT INTO tags (repository_id, name, digest, updated_at_ms) VALUES (?1, ?2, ?3, ?4) "
      "ON CONFLICT (repository_id, name) DO UPDATE "
      "SET digest = excluded.digest, updated_at_ms = excluded.updated_at_ms "
      "WHERE tags.digest <> excluded.digest",
      {change.repository_id, tag.ToString(), manifest.ToString(), change.now_ms});
  if (changed > 0) RecordTag(t, change, tag.ToString(), manifest.ToString());
}

bool DeleteTag(Transaction& t, const TagChange& change, const oci::Tag& tag) {
  const int64_t deleted = t.Execute("DELETE FROM tags WHERE repository_id = ?1 AND name = ?2",
                                    {change.repository_id, tag.ToString()});
  if (deleted > 0) RecordTag(t, change, tag.ToString(), std::nullopt);
  return deleted > 0;
}

void DeleteTagsOf(Transaction& t, const TagChange& change, const oci::Digest& manifest) {
  t.Execute(
      "INSERT INTO tag_history (repository_id, tag, digest, principal, changed_at_ms) "
      "SELECT repository_id, name, NULL, ?3, ?4 FROM tags "
      "WHERE repository_id = ?1 AND digest = ?2",
      {change.repository_id, manifest.ToString(), change.principal, change.now_ms});
  t.Execute("DELETE FROM tags WHERE repository_id = ?1 AND digest = ?2",
            {change.repository_id, manifest.ToString()});
}

absl::StatusOr<NamesPage> ListTags(Database& database, const oci::RepositoryName& repository,
                                   absl::string_view last, int limit) {
  if (absl::Status status = CheckPage(last, limit); !status.ok()) return status;
  return RunTransaction(
      database, TransactionMode::kRead, [&](Transaction& t) -> absl::StatusOr<NamesPage> {
        const std::optional<int64_t> id = FindRepository(t, repository);
        if (!id.has_value()) return RepositoryUnknown(repository);
        if (!HasContent(t, *id)) return RepositoryUnknown(repository);
        PageReader page(std::min(limit, base::kMaxTagsPage));
        t.Query(
            "SELECT name FROM tags WHERE repository_id = ?1 AND name > ?2 ORDER BY name LIMIT ?3",
            {*id, last, page.rows()}, [&](const Row& row) { page.Add(row); });
        return page.Finish();
      });
}

absl::StatusOr<NamesPage> ListRepositories(Database& database, absl::string_view last, int limit) {
  if (absl::Status status = CheckPage(last, limit); !status.ok()) return status;
  return RunTransaction(database, TransactionMode::kRead,
                        [&](Transaction& t) -> absl::StatusOr<NamesPage> {
                          PageReader page(std::min(limit, base::kMaxCatalogPage));
                          t.Query(
                              "SELECT name FROM repositories AS r WHERE name > ?1 AND ("
                              "EXISTS (SELECT 1 FROM manifests AS m WHERE m.repository_id = r.id) "
                              "OR EXISTS "
                              "(SELECT 1 FROM repository_blobs AS b WHERE b.repository_id = r.id)) "
                              "ORDER BY name LIMIT ?2",
                              {last, page.rows()}, [&](const Row& row) { page.Add(row); });
                          return page.Finish();
                        });
}

}  // namespace registry::controlplane
