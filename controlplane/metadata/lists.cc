#include "controlplane/metadata/lists.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/quote.h"
#include "base/utf8.h"
#include "controlplane/metadata/repositories.h"
#include "oci/error.h"

namespace registry::controlplane {
namespace {

absl::Status CheckPage(const PageRequest& page) {
  if (page.limit < 0) {
    return absl::InvalidArgumentError(absl::StrCat("the limit ", page.limit, " is below 0"));
  }
  if (!base::IsUtf8Text(page.last)) {
    return oci::MakeError(oci::ErrorCode::kQueryInvalid,
                          absl::StrCat("invalid query parameter last ", base::Quote(page.last),
                                       ": it must be UTF-8 without NUL characters"));
  }
  return absl::OkStatus();
}

// Builds a page: collects the names that the caller sees and counts the examined ones.
class PageBuilder {
 public:
  PageBuilder(size_t limit, const PageCursor& cursor) : limit_(limit), cursor_(cursor) {}

  // Number of names that may still be examined.
  int left() const { return base::kMaxExaminedNames - examined_; }

  // Returns true if no name has been examined yet.
  bool is_new() const { return last_.empty(); }

  // Ends the page after the last examined name.
  void End() { page_.next = last_seen_ ? last_ : cursor_.Seal(last_); }

  // Adds the next name; `seen`: the caller may see it. Returns false if the page ended before it.
  bool Add(const std::string& name, bool seen) {
    if (seen && page_.names.size() == limit_) {
      page_.next = page_.names.back();
      return false;
    }
    CountExamined(1);
    last_ = name;
    last_seen_ = seen;
    if (seen) page_.names.push_back(name);
    return true;
  }

  void CountExamined(int names) {
    examined_ = std::min(examined_ + names, base::kMaxExaminedNames);
  }

  NamesPage Finish() { return std::move(page_); }

 private:
  const size_t limit_;
  const PageCursor& cursor_;
  NamesPage page_;
  int examined_ = 0;
  std::string last_;
  bool last_seen_ = false;
};

// Reads the names of tags after `after`, in order, until `take` returns false. Reads them in
// batches, the first one of `first` names.
void WalkTags(Transaction& t, int64_t repository_id, std::string after, size_t first,
              absl::FunctionRef<bool(const std::string&)> take) {
  constexpr size_t kBatch = 500;
  size_t limit = std::min(first, kBatch);
  while (t.status().ok()) {
    std::vector<std::string> names;
    t.Query("SELECT name FROM tags WHERE repository_id = ?1 AND name > ?2 ORDER BY name LIMIT ?3",
            {repository_id, after, limit},
            [&](const Row& row) { names.emplace_back(row.Text(0)); });
    for (const std::string& name : names) {
      if (!take(name)) return;
    }
    if (names.size() < limit) return;
    after = std::move(names.back());
    limit = kBatch;
  }
}

// Walks repositories in order, range by range.
class RepositoryWalk {
 public:
  RepositoryWalk(Transaction& t, PageBuilder& page, const RepositoryFilter& filter)
      : t_(t), page_(page), filter_(filter) {}

  // Adds the names after `last` within the range. Returns false if the page has ended.
  bool Walk(const NameRange& range, const std::string& last) {
    bool more = true;
    // Reads batches, because Take queries the tags of repositories in between. Not EXISTS:
    // PostgreSQL might read all manifests into a hash table for it.
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
          "WHERE name >= ?1 AND (name > ?1 OR ?2 = 1) AND name <= ?3 AND ("
          "(SELECT 1 FROM manifests AS m WHERE m.repository_id = r.id LIMIT 1) = 1 OR "
          "(SELECT 1 FROM repository_blobs AS b WHERE b.repository_id = r.id LIMIT 1) = 1) "
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

 private:
  static constexpr size_t kBatch = 500;

  // Returns false if the page ended before this repository.
  bool Take(int64_t id, const std::string& text) {
    if (page_.left() == 0) {
      page_.End();
      return false;
    }
    const absl::StatusOr<oci::RepositoryName> name = oci::RepositoryName::Parse(text);
    bool seen = name.ok() && filter_.sees(*name);
    if (name.ok() && !seen && filter_.may_see_tags(*name)) {
      const int limit = page_.left();
      int looked_at = 0;
      seen = SeesATag(id, *name, limit, looked_at);
      // A visible tag may be among the rest: begin the next page here, with a new budget.
      if (!seen && looked_at == limit && !page_.is_new()) {
        page_.End();
        return false;
      }
      page_.CountExamined(looked_at);
    }
    return page_.Add(text, seen);
  }

  bool SeesATag(int64_t id, const oci::RepositoryName& name, int limit, int& looked_at) {
    bool seen = false;
    const auto take = [&](const std::string& text) {
      ++looked_at;
      const absl::StatusOr<oci::Tag> tag = oci::Tag::Parse(text);
      seen = tag.ok() && filter_.sees_tag(name, *tag);
      return !seen && looked_at < limit;
    };
    constexpr size_t kFirst = 50;
    WalkTags(t_, id, "", std::min<size_t>(kFirst, limit), take);
    return seen;
  }

  Transaction& t_;
  PageBuilder& page_;
  const RepositoryFilter& filter_;
};

}  // namespace

absl::StatusOr<NamesPage> ListTags(Database& database, const PageCursor& cursor,
                                   const oci::RepositoryName& repository, const PageRequest& page,
                                   const TagFilter& filter) {
  if (absl::Status status = CheckPage(page); !status.ok()) return status;
  const absl::StatusOr<std::string> after = cursor.Open(page.last);
  if (!after.ok()) return after.status();
  const auto limit = static_cast<size_t>(std::min(page.limit, base::kMaxTagsPage));
  return RunTransaction(database, TransactionMode::kRead,
                        [&](Transaction& t) -> absl::StatusOr<NamesPage> {
                          const std::optional<int64_t> id = FindRepository(t, repository);
                          if (!id.has_value() || !HasContent(t, *id))
                            return RepositoryUnknown(repository);
                          PageBuilder builder(limit, cursor);
                          if (limit == 0) return builder.Finish();
                          WalkTags(t, *id, *after, limit + 1, [&](const std::string& name) {
                            if (builder.left() == 0) {
                              builder.End();
                              return false;
                            }
                            const absl::StatusOr<oci::Tag> tag = oci::Tag::Parse(name);
                            return builder.Add(name, tag.ok() && filter(*tag));
                          });
                          return builder.Finish();
                        });
}

absl::StatusOr<NamesPage> ListRepositories(Database& database, const PageCursor& cursor,
                                           const PageRequest& page,
                                           const RepositoryFilter& filter) {
  if (absl::Status status = CheckPage(page); !status.ok()) return status;
  const absl::StatusOr<std::string> after = cursor.Open(page.last);
  if (!after.ok()) return after.status();
  const auto limit = static_cast<size_t>(std::min(page.limit, base::kMaxCatalogPage));
  return RunTransaction(database, TransactionMode::kRead,
                        [&](Transaction& t) -> absl::StatusOr<NamesPage> {
                          PageBuilder builder(limit, cursor);
                          if (limit == 0) return builder.Finish();
                          RepositoryWalk walk(t, builder, filter);
                          for (const NameRange& range : filter.ranges) {
                            if (range.last < *after) continue;
                            if (!walk.Walk(range, *after)) break;
                          }
                          return builder.Finish();
                        });
}

}  // namespace registry::controlplane
