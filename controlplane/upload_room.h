// Room for uploads: limits on the bytes of unfinished ones, and idle ones that make room.
//
// The bytes of a session are counted before they flow: a gateway asks for a grant, which is
// recorded with the session, and asks again before it writes more. So the sum over all open
// sessions is never less than what is stored, whichever gateways and storage nodes take part.
// Thread-safe. Times are milliseconds since the epoch.
#ifndef REGISTRY_CONTROLPLANE_UPLOAD_ROOM_H_
#define REGISTRY_CONTROLPLANE_UPLOAD_ROOM_H_

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
  // Of one user; anonymous clients count as one.
  int64_t user_bytes = 0;
  int64_t total_bytes = 0;

  bool any() const { return user_bytes > 0 || total_bytes > 0; }
};

struct UploadExtension {
  oci::RepositoryName repository;
  std::string upload_id;
  // Bytes that the session will hold after the next write.
  int64_t size_bytes;
  // Bytes that it will hold in the end; 0: not known.
  int64_t final_size_bytes;
};

// Grants an open session more bytes, and restarts its idle expiry. Where they exceed a limit, idle
// sessions end first, the user's own before others'. Returns the bytes that the session may hold.
// Errors: BLOB_UPLOAD_UNKNOWN; TOOMANYREQUESTS for the limit of the user, RESOURCE_EXHAUSTED for
// that of all.
absl::StatusOr<int64_t> ExtendUpload(Database& database, const UploadLimits& limits,
                                     const UploadExtension& extension, int64_t now_ms);

// Ends at most `limit` open sessions that were idle for base::kUploadMakesRoom, the oldest first,
// and moves their bytes to trash. `principal`: only those of this user. Returns how many.
absl::StatusOr<int64_t> EndIdleUploads(Database& database,
                                       const std::optional<std::string>& principal, int limit,
                                       int64_t now_ms);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_UPLOAD_ROOM_H_
