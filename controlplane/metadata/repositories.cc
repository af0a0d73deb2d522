#include "controlplane/metadata/repositories.h"

#include "absl/strings/str_cat.h"
#include "base/quote.h"
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

}  // namespace

std::optional<int64_t> FindRepository(Transaction& t, const oci::RepositoryName& name) {
  return t.QueryFirst("SELECT id FROM repositories WHERE name = ?1", {name.ToString()}, FirstInt);
}

int64_t EnsureRepository(Transaction& t, const oci::RepositoryName& name, int64_t now_ms) {
  if (const std::optional<int64_t> id = FindRepository(t, name)) return *id;
  return t
      .QueryFirst(
          "INSERT INTO repositories (name, created_at_ms) VALUES (?1, ?2) "
          "ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id",
          {name.ToString(), now_ms}, FirstInt)
      .value_or(0);
}

bool HasContent(Transaction& t, int64_t repository_id) {
  return t.Exists("SELECT 1 FROM manifests WHERE repository_id = ?1 LIMIT 1", {repository_id}) ||
         t.Exists("SELECT 1 FROM repository_blobs WHERE repository_id = ?1 LIMIT 1",
                  {repository_id});
}

absl::Status RepositoryUnknown(const oci::RepositoryName& name) {
  return oci::MakeError(oci::ErrorCode::kNameUnknown,
                        absl::StrCat("repository ", base::Quote(name.ToString()),
                                     " is unknown: nothing has been pushed to it"));
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

}  // namespace registry::controlplane
