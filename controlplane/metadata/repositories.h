// Reads and writes repositories and their tags.
//
// Thread-safe. Functions that take a Transaction run as part of the caller's transaction.
#ifndef REGISTRY_CONTROLPLANE_METADATA_REPOSITORIES_H_
#define REGISTRY_CONTROLPLANE_METADATA_REPOSITORIES_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "controlplane/sql/database.h"
#include "oci/digest.h"
#include "oci/name.h"

namespace registry::controlplane {

// The row's id; nullopt if there is no such repository.
std::optional<int64_t> FindRepository(Transaction& t, const oci::RepositoryName& name);

// As above, but creates the row if missing. Returns 0 only if the transaction has failed.
int64_t EnsureRepository(Transaction& t, const oci::RepositoryName& name, int64_t now_ms);

// Returns true if the repository has content. An upload creates the row before there is any.
bool HasContent(Transaction& t, int64_t repository_id);

// The error NAME_UNKNOWN.
absl::Status RepositoryUnknown(const oci::RepositoryName& name);

// Where, when and by whom a tag changes.
struct TagChange {
  int64_t repository_id;
  // A user's name; empty for anonymous clients.
  absl::string_view principal;
  int64_t now_ms;
};

// Points the tag to a manifest of the repository, and records the change; does nothing if the tag
// points there already.
void SetTag(Transaction& t, const TagChange& change, const oci::Tag& tag,
            const oci::Digest& manifest);

// Deletes the tag and records the change. Returns false if there is no such tag.
bool DeleteTag(Transaction& t, const TagChange& change, const oci::Tag& tag);

// Deletes all tags that point to the manifest, and records the changes.
void DeleteTagsOf(Transaction& t, const TagChange& change, const oci::Digest& manifest);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_METADATA_REPOSITORIES_H_
