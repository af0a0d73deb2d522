// The calls of MetadataService that manage space for upload sessions: growing and ending them.
#include <chrono>
#include <utility>

#include "base/call.h"
#include "base/retry_delay.h"
#include "controlplane/metadata/service.h"
#include "controlplane/metadata/touches.h"
#include "controlplane/metadata/upload_room.h"
#include "controlplane/metadata/uploads.h"
#include "oci/error.h"
#include "oci/name.h"

namespace registry::controlplane {
namespace {

// Other uploads of the same user have to end first.
constexpr std::chrono::seconds kRetryDelay{30};

}  // namespace

absl::Status MetadataService::NoteRoom(absl::Status status, const std::string& principal) const {
  const bool full = absl::IsResourceExhausted(status) && !oci::CodeOf(status).has_value();
  if (full && options_.on_no_room) options_.on_no_room(principal);
  return status;
}

void MetadataService::ExtendUpload(const v1::ExtendUploadRequest* request,
                                   v1::ExtendUploadResponse* response, const base::CallInfo* call,
                                   base::Done done) {
  if (!options_.upload_limits.any()) return LookUpAgain(request, call, std::move(done));
  base::RunCall(*options_.writers, call, std::move(done), [=, this]() -> absl::Status {
    const absl::StatusOr<oci::RepositoryName> repository =
        oci::RepositoryName::Parse(request->repository());
    if (!repository.ok()) return repository.status();
    const absl::StatusOr<int64_t> granted =
        controlplane::ExtendUpload(*options_.database, options_.upload_limits,
                                   {.repository = *repository,
                                    .upload_id = request->upload_id(),
                                    .size_bytes = request->size_bytes(),
                                    .final_size_bytes = request->final_size_bytes()},
                                   options_.now_ms());
    if (granted.ok()) response->set_granted_bytes(*granted);
    const bool of_user = oci::CodeOf(granted.status()) == oci::ErrorCode::kTooManyRequests;
    return of_user ? base::WithRetryDelay(granted.status(), kRetryDelay) : granted.status();
  });
}

void MetadataService::LookUpAgain(const v1::ExtendUploadRequest* request,
                                  const base::CallInfo* call, base::Done done) {
  base::RunCallAsync(*options_.readers, call, std::move(done), [=, this](base::Done finish) {
    const absl::StatusOr<oci::RepositoryName> repository =
        oci::RepositoryName::Parse(request->repository());
    if (!repository.ok()) return finish(repository.status());
    const absl::StatusOr<Upload> upload =
        controlplane::GetUpload(*options_.database, *repository, request->upload_id());
    if (!upload.ok()) return finish(upload.status());
    if (upload->committed.has_value()) return finish(UploadUnknown(*repository, upload->id));
    options_.touches->Record(Touch::Upload(upload->id), upload->touched_at_ms, Lateness::kByAge,
                             std::move(finish));
  });
}

void MetadataService::CancelUpload(const v1::CancelUploadRequest* request,
                                   v1::CancelUploadResponse*, const base::CallInfo* call,
                                   base::Done done) {
  base::RunCall(*options_.writers, call, std::move(done), [=, this]() -> absl::Status {
    const absl::StatusOr<oci::RepositoryName> repository =
        oci::RepositoryName::Parse(request->repository());
    if (!repository.ok()) return repository.status();
    const absl::Status status = controlplane::CancelUpload(*options_.database, *repository,
                                                           request->upload_id(), options_.now_ms());
    if (status.ok() && options_.on_trash) options_.on_trash();
    if (request->no_room() && options_.on_no_room) options_.on_no_room(request->principal());
    return status;
  });
}

}  // namespace registry::controlplane
