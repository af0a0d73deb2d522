#include "gateway/api/upload_permit.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/status/statusor.h"

namespace registry::gateway {

UploadPermit::UploadPermit(ControlPlaneClient& control_plane, const v1::Upload& upload,
                           int64_t size_bytes, const std::optional<uint64_t>& content_length,
                           std::chrono::milliseconds interval)
    : control_plane_(control_plane), upload_(upload), interval_(interval) {
  if (!content_length) return;
  const auto most = static_cast<uint64_t>(std::numeric_limits<int64_t>::max() - size_bytes);
  final_size_bytes_ = size_bytes + static_cast<int64_t>(std::min(*content_length, most));
}

http::Awaitable<absl::Status> UploadPermit::Renew(int64_t size_bytes) {
  const auto now = std::chrono::steady_clock::now();
  const bool granted = size_bytes <= granted_bytes_;
  if (granted && now < renew_at_) co_return absl::OkStatus();
  v1::ExtendUploadRequest request;
  request.set_repository(upload_.repository());
  request.set_upload_id(upload_.id());
  request.set_size_bytes(size_bytes);
  request.set_final_size_bytes(final_size_bytes_);
  const absl::StatusOr<v1::ExtendUploadResponse> response =
      co_await control_plane_.ExtendUpload(std::move(request));
  renew_at_ = now + interval_;
  if (response.ok()) {
    granted_bytes_ = response->granted_bytes() > 0 ? response->granted_bytes()
                                                   : std::numeric_limits<int64_t>::max();
    co_return absl::OkStatus();
  }
  const bool refused =
      absl::IsNotFound(response.status()) || absl::IsResourceExhausted(response.status());
  if (granted && !refused) co_return absl::OkStatus();
  co_return response.status();
}

}  // namespace registry::gateway
