// The lists of repositories and of tags, as far as a caller may see them.
//
// A list is read in its order until the page is full, or base::kMaxExaminedNames names were looked
// at: those that the caller may not see count too, so a page may be short, or empty, and not the
// last.
//
// A repository that the caller may see only for one of its tags is seen when that is one of its
// first base::kMaxExaminedNames.
//
// Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_LISTS_H_
#define REGISTRY_CONTROLPLANE_LISTS_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "controlplane/page_cursor.h"
#include "controlplane/scope_bounds.h"
#include "controlplane/sql/database.h"
#include "oci/name.h"

namespace registry::controlplane {

struct PageRequest {
  // What comes after this is listed: a name, which need not exist, or `next` of the page before.
  absl::string_view last;
  // At most so many names; more than the list's own limit is lowered to it, 0 lists nothing.
  int limit = 0;
};

struct NamesPage {
  // In bytewise order.
  std::vector<std::string> names;
  // Where the next page begins, for `last`; empty when this is the last one. It is the last name of
  // the page, or tells nothing of the names that the caller may not see.
  std::string next;
};

// Whether the caller may see the tag.
using TagFilter = std::function<bool(const oci::Tag& tag)>;

// Which repositories the caller may see.
struct RepositoryFilter {
  // Nothing outside of these, in order.
  std::vector<NameRange> ranges;
  std::function<bool(const oci::RepositoryName& name)> sees;
  // Asked when `sees` says no: whether one of its tags may make up for it, and then for its tags.
  std::function<bool(const oci::RepositoryName& name)> may_see_tags;
  std::function<bool(const oci::RepositoryName& name, const oci::Tag& tag)> sees_tag;
};

// Both errors: kQueryInvalid when `last` is neither text nor a cursor of ours; INVALID_ARGUMENT for
// a limit below 0.

// At most base::kMaxTagsPage. Error: NAME_UNKNOWN.
absl::StatusOr<NamesPage> ListTags(Database& database, const PageCursor& cursor,
                                   const oci::RepositoryName& repository, const PageRequest& page,
                                   const TagFilter& filter);

// At most base::kMaxCatalogPage.
absl::StatusOr<NamesPage> ListRepositories(Database& database, const PageCursor& cursor,
                                           const PageRequest& page, const RepositoryFilter& filter);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_LISTS_H_
