// Blobs: links to repositories, and the stored copies (incarnation) of each blob.
//
// An incarnation is named by the id of the upload session that created it. blob_replicas has a row
// for every node that may hold bytes of it, from before the first byte is written until after the
// last one is deleted.
//
// Thread-safe. Times are milliseconds since the epoch.
#ifndef REGISTRY_CONTROLPLANE_METADATA_BLOBS_H_
#define REGISTRY_CONTROLPLANE_METADATA_BLOBS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "controlplane/sql/database.h"
#include "oci/digest.h"
#include "oci/name.h"

namespace registry::controlplane {

struct Blob {
  int64_t size_bytes;
  std::string incarnation;
  // The nodes with a durable copy.
  std::vector<std::string> nodes;
  // Its bytes were found damaged, and no push has replaced them yet.
  bool suspect;
  int64_t touched_at_ms;
};

// Returns a blob that is linked to the repository, live or suspect, from the database.
// Error: BLOB_UNKNOWN.
absl::StatusOr<Blob> GetBlob(Database& database, const oci::RepositoryName& repository,
                             const oci::Digest& digest);

// Make a live blob suspect, or a suspect one live again, if the digest still has this incarnation.
// Return false if it has another incarnation or state: then read it again.
absl::StatusOr<bool> MarkSuspect(Database& database, const oci::Digest& digest,
                                 absl::string_view incarnation);
absl::StatusOr<bool> MarkLive(Database& database, const oci::Digest& digest,
                              absl::string_view incarnation);

// Links a blob of `source` to `target`. Returns false if `source` has no such live blob.
absl::StatusOr<bool> MountBlob(Database& database, const oci::RepositoryName& target,
                               const oci::RepositoryName& source, const oci::Digest& digest,
                               int64_t now_ms);

// At most `limit` repositories that have the live blob.
absl::StatusOr<std::vector<std::string>> FindMountSources(Database& database,
                                                          const oci::Digest& digest, int limit);

// Unlinks the blob from the repository. Error: BLOB_UNKNOWN.
absl::Status DeleteBlob(Database& database, const oci::RepositoryName& repository,
                        const oci::Digest& digest);

// The error BLOB_UNKNOWN.
absl::Status BlobUnknown(const oci::RepositoryName& repository, const oci::Digest& digest);

// The row of a digest.
struct BlobRow {
  std::string incarnation;
  int64_t size_bytes;
  std::string state;
  int64_t touched_at_ms;

  bool live() const { return state == "live"; }
};

// Finds a blob in any state, linked or not.
std::optional<BlobRow> FindBlob(Transaction& t, const oci::Digest& digest);

// Finds a blob that is linked to the repository, in any state.
std::optional<BlobRow> FindLinkedBlob(Transaction& t, int64_t repository_id,
                                      const oci::Digest& digest);

void LinkBlob(Transaction& t, int64_t repository_id, const oci::Digest& digest);

// Protects the blob from collection for a while; writes only if the last touch is older than
// base::kTouchInterval.
void TouchBlob(Transaction& t, const oci::Digest& digest, const BlobRow& blob, int64_t now_ms);

// Returns true if a row touched at `touched_at_ms` should be touched again.
bool NeedsTouch(int64_t touched_at_ms, int64_t now_ms);

// The nodes with a durable copy.
std::vector<std::string> DurableNodes(Transaction& t, absl::string_view incarnation);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_METADATA_BLOBS_H_
