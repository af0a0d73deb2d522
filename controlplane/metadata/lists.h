// Lists repositories and tags, filtered by what the caller may see.
//
// Reads a list in order until the page is full or it has examined base::kMaxExaminedNames names.
// Names that the caller may not see count too, so a page may be short or empty without being the
// last.
//
// If the caller may see a repository only because of one of its tags, the list includes it only if
// that tag is among its first base::kMaxExaminedNames.
//
// Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_METADATA_LISTS_H_
#define REGISTRY_CONTROLPLANE_METADATA_LISTS_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "controlplane/metadata/page_cursor.h"
#include "controlplane/policy/scope_bounds.h"
#include "controlplane/sql/database.h"
#include "oci/name.h"

namespace registry::controlplane {

struct PageRequest {
  // The page begins after this: a name, which need not exist, or `next` of the previous page.
  absl::string_view last;
  // Maximum number of names; capped at the list's own limit. 0 lists nothing.
  int limit = 0;
};

struct NamesPage {
  // In bytewise order.
  std::vector<std::string> names;
  // Page cursor of the next page, for `last`; empty if this page is the last. It is the page's last
  // name, or a sealed cursor that reveals no names that the caller may not see.
  std::string next;
};

// Returns true if the caller may see the tag.
using TagFilter = std::function<bool(const oci::Tag& tag)>;

// Selects the repositories that the caller may see.
struct RepositoryFilter {
  // Sorted; the caller may see nothing outside of these.
  std::vector<NameRange> ranges;
  std::function<bool(const oci::RepositoryName& name)> sees;
  // Called if `sees` returns false: returns true if the caller might see one of the repository's
  // tags. Then `sees_tag` decides per tag.
  std::function<bool(const oci::RepositoryName& name)> may_see_tags;
  std::function<bool(const oci::RepositoryName& name, const oci::Tag& tag)> sees_tag;
};

// Errors of both: kQueryInvalid if `last` is not UTF-8 text or not a cursor sealed by `cursor`;
// INVALID_ARGUMENT for a limit below 0.

// At most base::kMaxTagsPage names. Error: NAME_UNKNOWN.
absl::StatusOr<NamesPage> ListTags(Database& database, const PageCursor& cursor,
                                   const oci::RepositoryName& repository, const PageRequest& page,
                                   const TagFilter& filter);

// At most base::kMaxCatalogPage names.
absl::StatusOr<NamesPage> ListRepositories(Database& database, const PageCursor& cursor,
                                           const PageRequest& page, const RepositoryFilter& filter);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_METADATA_LISTS_H_
