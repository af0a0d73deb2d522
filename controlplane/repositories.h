// Repositories, and the tags in them.
//
// Thread-safe. Functions that take a Transaction are parts of somebody else's.
#ifndef REGISTRY_CONTROLPLANE_REPOSITORIES_H_
#define REGISTRY_CONTROLPLANE_REPOSITORIES_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "controlplane/policy.h"
#include "controlplane/sql/database.h"
#include "oci/digest.h"
#include "oci/name.h"

namespace registry::controlplane {

// The row's id; nullopt when there is no such repository.
std::optional<int64_t> FindRepository(Transaction& t, const oci::RepositoryName& name);

// As above; makes the row if there is none. 0 only when the transaction has failed.
int64_t EnsureRepository(Transaction& t, const oci::RepositoryName& name, int64_t now_ms);

// NAME_UNKNOWN.
absl::Status RepositoryUnknown(const oci::RepositoryName& name);

// A change of a tag: where, when and by whom.
struct TagChange {
  int64_t repository_id;
  // A user's name; empty for anonymous clients.
  absl::string_view principal;
  int64_t now_ms;
};

// Points the tag to a manifest of the repository, and records it, unless it points there already.
void SetTag(Transaction& t, const TagChange& change, const oci::Tag& tag,
            const oci::Digest& manifest);

// Deletes the tag and records it. False when there was none.
bool DeleteTag(Transaction& t, const TagChange& change, const oci::Tag& tag);

// Deletes all tags that point to the manifest, and records it.
void DeleteTagsOf(Transaction& t, const TagChange& change, const oci::Digest& manifest);

// Names in bytewise order.
struct NamesPage {
  std::vector<std::string> names;
  // More names follow the last one of the page.
  bool more = false;
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

struct RepositoriesPage {
  // Bytewise order.
  std::vector<std::string> names;
  // Where the next page begins, for `last`; empty when this is the last one. It is the last name of
  // the page, or tells nothing of the names that the caller may not see.
  std::string next;
};

// At most `limit` tags after `last`, which need not exist, in bytewise order. A limit above
// base::kMaxTagsPage is lowered to it; 0 lists nothing.
// Errors: NAME_UNKNOWN; kQueryInvalid when `last` is not text; INVALID_ARGUMENT for a limit
// below 0.
absl::StatusOr<NamesPage> ListTags(Database& database, const oci::RepositoryName& repository,
                                   absl::string_view last, int limit, const TagFilter& filter);

// At most `limit` repositories after `last`, which is a name that need not exist, or `next` of the
// page before. A limit above base::kMaxCatalogPage is lowered to it; 0 lists nothing. At most
// base::kMaxExaminedRepositories are looked at, so a page may be short, or empty, and not the last.
// Errors: kQueryInvalid when `last` is not text; INVALID_ARGUMENT for a limit below 0.
absl::StatusOr<RepositoriesPage> ListRepositories(Database& database, absl::string_view last,
                                                  int limit, const RepositoryFilter& filter);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_REPOSITORIES_H_
