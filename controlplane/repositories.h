// Repositories, and the tags in them.
//
// Thread-safe. Functions that take a Transaction are parts of somebody else's.
#ifndef REGISTRY_CONTROLPLANE_REPOSITORIES_H_
#define REGISTRY_CONTROLPLANE_REPOSITORIES_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "controlplane/sql/database.h"
#include "oci/digest.h"
#include "oci/name.h"

namespace registry::controlplane {

// The row's id; nullopt when there is no such repository.
std::optional<int64_t> FindRepository(Transaction& t, const oci::RepositoryName& name);

// As above; makes the row if there is none. 0 only when the transaction has failed.
int64_t EnsureRepository(Transaction& t, const oci::RepositoryName& name, int64_t now_ms);

// Whether anything was pushed to it: an upload alone makes a row, too.
bool HasContent(Transaction& t, int64_t repository_id);

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

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_REPOSITORIES_H_
