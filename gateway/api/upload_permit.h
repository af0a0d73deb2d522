// The control plane's permission to write to an upload session, for some time and some bytes.
//
//   UploadPermit permit(control_plane, upload, size_bytes, request.content_length);
//   // Before writing each part of the body:
//   absl::Status status = co_await permit.Renew(size_bytes += part.size());
//
// Belongs to one coroutine.
#ifndef REGISTRY_GATEWAY_API_UPLOAD_PERMIT_H_
#define REGISTRY_GATEWAY_API_UPLOAD_PERMIT_H_

#include <chrono>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "base/http/awaitable.h"
#include "base/limits.h"
#include "gateway/clients/control_plane_client.h"
#include "registry/v1/metadata.pb.h"

namespace registry::gateway {

class UploadPermit {
 public:
  // `size_bytes`: the session's size before the body. `content_length`: the body's length, if
  // known. `control_plane` and `upload` must outlive the object.
  UploadPermit(ControlPlaneClient& control_plane, const v1::Upload& upload, int64_t size_bytes,
               const std::optional<uint64_t>& content_length,
               std::chrono::milliseconds interval = base::kUploadStreamTouch);

  // Call it before the session grows to `size_bytes`. Asks the control plane the first time,
  // because the session may have ended since the look-up; again if the grant is too small; and
  // every `interval`, so that the session does not count as idle. Errors: those of ExtendUpload in
  // metadata.proto. If the control plane does not answer, fails only if its decision is needed.
  http::Awaitable<absl::Status> Renew(int64_t size_bytes);

 private:
  ControlPlaneClient& control_plane_;
  const v1::Upload& upload_;
  const std::chrono::milliseconds interval_;
  // 0: the body has no length.
  int64_t final_size_bytes_ = 0;
  // -1: not asked yet.
  int64_t granted_bytes_ = -1;
  std::chrono::steady_clock::time_point renew_at_;
};

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_API_UPLOAD_PERMIT_H_
