// Upload sessions: opens them, and turns their bytes into a blob or trash.
//
// A session's id names the incarnation that its bytes become. The session and its nodes are
// recorded before any byte exists, so that expiry finds the bytes after any crash. Thread-safe.
// Times are milliseconds since the epoch.
#ifndef REGISTRY_CONTROLPLANE_METADATA_UPLOADS_H_
#define REGISTRY_CONTROLPLANE_METADATA_UPLOADS_H_

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

struct Upload {
  std::string id;
  oci::DigestAlgorithm digest_algorithm;
  // The nodes that receive the bytes, the primary first. Empty once another copy has replaced them.
  std::vector<std::string> nodes;
  // Set once committed: the resulting blob.
  struct Committed {
    oci::Digest digest;
    int64_t size_bytes;
  };
  std::optional<Committed> committed;
  // The start of its idle expiry.
  int64_t touched_at_ms = 0;
};

// Opens a session. `nodes` will hold the bytes, the primary first; at least one.
// `principal`: the owner of the session; empty for anonymous clients.
absl::StatusOr<Upload> BeginUpload(Database& database, const oci::RepositoryName& repository,
                                   oci::DigestAlgorithm algorithm, absl::string_view principal,
                                   const std::vector<std::string>& nodes, int64_t now_ms);

// Only reads. To restart the idle expiry of an open session, touch it (touches.h).
// Errors: BLOB_UPLOAD_UNKNOWN, also if the session belongs to another repository.
absl::StatusOr<Upload> GetUpload(Database& database, const oci::RepositoryName& repository,
                                 absl::string_view id);

struct UploadCommit {
  oci::RepositoryName repository;
  std::string upload_id;
  oci::Digest digest;
  int64_t size_bytes;
  // Nodes of the session that hold the bytes durably; at least one.
  std::vector<std::string> durable_nodes;
};

// Turns the session's bytes, which were just verified, into the blob and links it to the
// repository. The digest's former copy becomes trash, whatever its state, after base::kTrashHold,
// because readers may have it open. Repeating the commit with the same digest succeeds while the
// blob exists. Errors: BLOB_UPLOAD_UNKNOWN; INVALID_ARGUMENT for nodes that are not the session's.
absl::Status CommitUpload(Database& database, const UploadCommit& commit, int64_t now_ms);

// The error BLOB_UPLOAD_UNKNOWN.
absl::Status UploadUnknown(const oci::RepositoryName& repository, absl::string_view id);

// Ends an open session; its bytes become trash. Error: BLOB_UPLOAD_UNKNOWN.
absl::Status CancelUpload(Database& database, const oci::RepositoryName& repository,
                          absl::string_view id, int64_t now_ms);

// Ends an open session in the caller's transaction; its bytes become trash.
void EndSession(Transaction& t, absl::string_view id, int64_t now_ms);

// Ends at most `limit` open sessions that were idle for base::kUploadIdleExpiry (their bytes become
// trash), and forgets up to `limit` finished ones older than base::kFinishedUploadExpiry. Returns
// how many it found.
absl::StatusOr<int64_t> ExpireUploads(Database& database, int limit, int64_t now_ms);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_METADATA_UPLOADS_H_
