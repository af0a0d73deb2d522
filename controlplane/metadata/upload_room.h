// Limits the bytes of unfinished uploads, and ends idle ones to make room.
//
// Bytes count before they are written: a gateway asks for a grant, which is recorded with the
// session, and asks again before it writes more. So the sum over all open sessions is never less
// than the stored bytes, with any number of gateways and storage nodes. Thread-safe. Times are
// milliseconds since the epoch.
#ifndef REGISTRY_CONTROLPLANE_METADATA_UPLOAD_ROOM_H_
#define REGISTRY_CONTROLPLANE_METADATA_UPLOAD_ROOM_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "controlplane/sql/database.h"
#include "oci/name.h"

namespace registry::controlplane {

// Bytes of unfinished uploads; 0: no limit.
struct UploadLimits {
  // Limit of one user; anonymous clients count as one user.
  int64_t user_bytes = 0;
  int64_t total_bytes = 0;

  bool any() const { return user_bytes > 0 || total_bytes > 0; }
};

struct UploadExtension {
  oci::RepositoryName repository;
  std::string upload_id;
  // Bytes that the session will hold after the next write.
  int64_t size_bytes;
  // Bytes that it will hold in the end; 0: unknown.
  int64_t final_size_bytes;
};

// Grants an open session more bytes, and restarts its idle expiry. If that exceeds a limit, first
// ends idle sessions, the user's own before others'. Returns the bytes that the session may hold.
// Errors: BLOB_UPLOAD_UNKNOWN; TOOMANYREQUESTS for the user's limit, RESOURCE_EXHAUSTED for the
// limit of all.
absl::StatusOr<int64_t> ExtendUpload(Database& database, const UploadLimits& limits,
                                     const UploadExtension& extension, int64_t now_ms);

// Ends at most `limit` open sessions that were idle for base::kUploadMakesRoom, oldest first, and
// moves their bytes to trash. `principal`: only sessions of this user. Returns how many it ended.
absl::StatusOr<int64_t> EndIdleUploads(Database& database,
                                       const std::optional<std::string>& principal, int limit,
                                       int64_t now_ms);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_METADATA_UPLOAD_ROOM_H_
