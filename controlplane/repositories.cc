#include "controlplane/repositories.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
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

// A place in the list behind a repository that the caller may not see: its row.
constexpr absl::string_view kRowPrefix = "~";

std::string NameOfRow(Transaction& t, absl::string_view cursor) {
  int64_t id = 0;
  if (!absl::SimpleAtoi(absl::StripPrefix(cursor, kRowPrefix), &id)) return std::string(cursor);
  return t
      .QueryFirst("SELECT name FROM repositories WHERE id = ?1", {id},
                  [](const Row& row) { return std::string(row.Text(0)); })
      .value_or(std::string(cursor));
}

bool SeesATag(Transaction& t, int64_t id, const oci::RepositoryName& name,
              const RepositoryFilter& filter) {
  bool seen = false;
  t.QueryWhile("SELECT name FROM tags WHERE repository_id = ?1 ORDER BY name LIMIT ?2",
               {id, base::kMaxExaminedTags}, [&](const Row& row) {
                 const absl::StatusOr<oci::Tag> tag = oci::Tag::Parse(row.Text(0));
                 seen = tag.ok() && filter.sees_tag(name, *tag);
                 return !seen;
               });
  return seen;
}

// Walks the names after `last` within one range. False when the page has ended.
class RepositoryWalk {
 public:
  RepositoryWalk(Transaction& t, size_t limit, const RepositoryFilter& filter)
      : t_(t), limit_(limit), filter_(filter) {}

  bool Walk(const NameRange& range, const std::string& last) {
    bool more = true;
    // A batch at a time, because the tags of a repository are looked at in between.
    std::string after = std::max(last, range.first);
    bool include = last < range.first;
    while (more) {
      struct Found {
        int64_t id;
        std::string name;
      };
      std::vector<Found> batch;
      t_.Query(
          "SELECT id, name FROM repositories AS r "
          "WHERE (name > ?1 OR (name = ?1 AND ?2 = 1)) AND name <= ?3 AND ("
          "EXISTS (SELECT 1 FROM manifests AS m WHERE m.repository_id = r.id) OR "
          "EXISTS (SELECT 1 FROM repository_blobs AS b WHERE b.repository_id = r.id)) "
          "ORDER BY name LIMIT ?4",
          {after, include ? 1 : 0, range.last, kBatch}, [&](const Row& row) {
            batch.push_back({.id = row.Int(0), .name = std::string(row.Text(1))});
          });
      for (const Found& found : batch) {
        if (!Take(found.id, found.name)) return false;
      }
      more = batch.size() == kBatch;
      if (more) after = batch.back().name;
      include = false;
    }
    return true;
  }

  RepositoriesPage Finish() { return std::move(page_); }

 private:
  static constexpr size_t kBatch = 500;

  // False when the page has ended before this one.
  bool Take(int64_t id, const std::string& name) {
    if (examined_ == base::kMaxExaminedRepositories) {
      page_.next = last_seen_ ? page_.names.back() : absl::StrCat(kRowPrefix, last_id_);
      return false;
    }
    ++examined_;
    last_id_ = id;
    last_seen_ = Sees(id, name);
    if (!last_seen_) return true;
    if (page_.names.size() == limit_) {
      page_.next = page_.names.back();
      return false;
    }
    page_.names.push_back(name);
    return true;
  }

  bool Sees(int64_t id, const std::string& text) {
    const absl::StatusOr<oci::RepositoryName> name = oci::RepositoryName::Parse(text);
    if (!name.ok()) return false;
    return filter_.sees(*name) || (filter_.may_see_tags(*name) && SeesATag(t_, id, *name, filter_));
  }

  Transaction& t_;
  const size_t limit_;
  const RepositoryFilter& filter_;
  RepositoriesPage page_;
  int examined_ = 0;
  int64_t last_id_ = 0;
  bool last_seen_ = false;
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
                                   absl::string_view last, int limit, const TagFilter& filter) {
  if (absl::Status status = CheckPage(last, limit); !status.ok()) return status;
  const auto size = static_cast<size_t>(std::min(limit, base::kMaxTagsPage));
  return RunTransaction(
      database, TransactionMode::kRead, [&](Transaction& t) -> absl::StatusOr<NamesPage> {
        const std::optional<int64_t> id = FindRepository(t, repository);
        if (!id.has_value() || !HasContent(t, *id)) return RepositoryUnknown(repository);
        NamesPage page;
        if (size == 0) return page;
        t.QueryWhile("SELECT name FROM tags WHERE repository_id = ?1 AND name > ?2 ORDER BY name",
                     {*id, last}, [&](const Row& row) {
                       const absl::StatusOr<oci::Tag> tag = oci::Tag::Parse(row.Text(0));
                       if (!tag.ok() || !filter(*tag)) return true;
                       page.more = page.names.size() == size;
                       if (!page.more) page.names.push_back(tag->ToString());
                       return !page.more;
                     });
        return page;
      });
}

absl::StatusOr<RepositoriesPage> ListRepositories(Database& database, absl::string_view last,
                                                  int limit, const RepositoryFilter& filter) {
  if (absl::Status status = CheckPage(last, limit); !status.ok()) return status;
  const auto size = static_cast<size_t>(std::min(limit, base::kMaxCatalogPage));
  return RunTransaction(
      database, TransactionMode::kRead, [&](Transaction& t) -> absl::StatusOr<RepositoriesPage> {
        if (size == 0) return RepositoriesPage();
        const std::string after =
            absl::StartsWith(last, kRowPrefix) ? NameOfRow(t, last) : std::string(last);
        RepositoryWalk walk(t, size, filter);
        for (const NameRange& range : filter.ranges) {
          if (range.last < after) continue;
          if (!walk.Walk(range, after)) break;
        }
        return walk.Finish();
      });
}

}  // namespace registry::controlplane
