// Upload sessions: POST, PATCH, PUT, GET and DELETE. Source: distribution-spec
// spec.md#pushing-blobs, #mounting-a-blob-from-another-repository.
#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/quote.h"
#include "gateway/api/error_response.h"
#include "gateway/api/handler.h"
#include "gateway/api/range.h"
#include "gateway/api/upload_permit.h"
#include "oci/digest.h"
#include "oci/error.h"
#include "oci/name.h"

namespace registry::gateway {
namespace {

std::string UploadLocation(const v1::Upload& upload) {
  return absl::StrCat("/v2/", upload.repository(), "/blobs/uploads/", upload.id());
}

// `Range` of an upload names its last byte; an empty upload has 0-0 too.
std::string UploadRange(int64_t size) { return absl::StrCat("0-", std::max<int64_t>(size - 1, 0)); }

http::Response SessionResponse(int status, const v1::Upload& upload, int64_t size) {
  http::Response response;
  response.head.status = status;
  response.head.Set("Location", UploadLocation(upload))
      .Set("Range", UploadRange(size))
      .Set("Docker-Upload-UUID", upload.id());
  return response;
}

http::Response CreatedResponse(absl::string_view repository, absl::string_view digest) {
  http::Response response;
  response.head.status = 201;
  response.head.Set("Location", absl::StrCat("/v2/", repository, "/blobs/", digest))
      .Set("Docker-Content-Digest", digest);
  return response;
}

absl::Status UploadUnknown(const Context& context) {
  return oci::MakeError(
      oci::ErrorCode::kBlobUploadUnknown,
      absl::StrCat("upload ", base::Quote(context.route.reference), " is unknown in repository ",
                   context.route.repository, ": it was finished, cancelled or expired"));
}

// How much of an upload has arrived.
struct Progress {
  v1::Upload upload;
  int64_t size_bytes = 0;
  // The bytes are already verified, but a client that lost the response may not know.
  bool finished = false;
};

http::Awaitable<absl::StatusOr<v1::Upload>> FindUpload(const Context& context) {
  if (!base::IsUuid(context.route.reference)) co_return UploadUnknown(context);
  v1::GetUploadRequest request;
  request.set_repository(context.route.repository);
  request.set_upload_id(context.route.reference);
  request.set_touch(true);
  co_return co_await context.planes.control_plane.GetUpload(std::move(request));
}

http::Awaitable<absl::StatusOr<Progress>> FindProgress(const Context& context, v1::Upload upload) {
  if (!upload.committed_digest().empty()) co_return UploadUnknown(context);
  v1::StatRequest request;
  request.set_incarnation(upload.id());
  const absl::StatusOr<v1::StatResponse> stat =
      co_await context.planes.storage_nodes.Stat(upload.nodes(0), std::move(request));
  Progress progress{.upload = std::move(upload)};
  if (stat.ok()) {
    progress.size_bytes = stat->size_bytes();
    progress.finished = stat->finished();
  } else if (stat.status().code() != absl::StatusCode::kNotFound) {
    co_return stat.status();
  }
  co_return progress;
}

// Checks a chunked body, which has no length, against the end that Content-Range names.
absl::Status CheckReceived(const http::Request& request, const Progress& progress,
                           int64_t size_bytes) {
  if (request.content_length || !request.HasHeader("Content-Range")) return absl::OkStatus();
  const absl::StatusOr<ByteRange> range = ParseUploadRange(request.Header("Content-Range"));
  if (!range.ok() || progress.size_bytes + range->length == size_bytes) return range.status();
  return oci::MakeError(
      oci::ErrorCode::kBlobUploadInvalid,
      absl::StrCat("Content-Range ", request.Header("Content-Range"), " names ", range->length,
                   " bytes, but the body has ", size_bytes - progress.size_bytes));
}

// Streams the request's body to the upload's primary node. Returns the upload's new size.
http::Awaitable<absl::StatusOr<int64_t>> ReceiveBody(const Context& context,
                                                     const Progress& progress) {
  if (!context.request().has_body) co_return progress.size_bytes;
  absl::StatusOr<std::string> part = co_await context.exchange.ReadBody(base::kChunkBytes);
  if (!part.ok()) co_return part.status();
  if (part->empty()) co_return progress.size_bytes;

  int64_t arrived_bytes = progress.size_bytes;
  UploadPermit permit(context.planes.control_plane, progress.upload, arrived_bytes,
                      context.request().content_length);
  absl::Status allowed = co_await permit.Renew(arrived_bytes + static_cast<int64_t>(part->size()));
  if (!allowed.ok()) co_return allowed;

  v1::WriteHeader header;
  header.set_incarnation(progress.upload.id());
  header.set_offset(progress.size_bytes);
  header.set_digest_algorithm(progress.upload.digest_algorithm());
  const absl::StatusOr<std::unique_ptr<StorageWrite>> write =
      co_await context.planes.storage_nodes.Write(progress.upload.nodes(0), std::move(header));
  if (!write.ok()) co_return write.status();
  while (true) {
    arrived_bytes += static_cast<int64_t>(part->size());
    const bool taken = co_await (*write)->Write(*std::move(part));
    if (!taken) break;
    part = co_await context.exchange.ReadBody(base::kChunkBytes);
    // Bytes that have arrived are kept: the client resumes from there.
    if (!part.ok() || part->empty()) break;
    allowed = co_await permit.Renew(arrived_bytes + static_cast<int64_t>(part->size()));
    if (!allowed.ok()) break;
  }
  const absl::StatusOr<int64_t> size = co_await (*write)->Finish();
  if (!part.ok()) co_return part.status();
  if (!allowed.ok()) co_return allowed;
  if (!size.ok()) co_return size;
  if (absl::Status status = CheckReceived(context.request(), progress, *size); !status.ok()) {
    co_return status;
  }
  co_return size;
}

// Answers 416 with the upload's size, so that the client can resume.
http::Awaitable<absl::Status> RefuseRange(const Context& context, const Progress& progress,
                                          absl::Status reason) {
  http::Response refusal = ErrorResponse(reason, context.route);
  const http::Response session = SessionResponse(416, progress.upload, progress.size_bytes);
  for (const auto& [name, value] : session.head.headers) refusal.head.Set(name, value);
  co_return co_await context.exchange.Send(std::move(refusal));
}

// Ends a session that found no space: clients do not resume after that, they begin another
// one, and a partial upload must not occupy the space.
http::Awaitable<void> EndUpload(const Context& context, const v1::Upload& upload,
                                const absl::Status& reason) {
  v1::CancelUploadRequest cancel;
  cancel.set_repository(upload.repository());
  cancel.set_upload_id(upload.id());
  cancel.set_no_room(absl::IsResourceExhausted(reason));
  cancel.set_principal(context.principal);
  const absl::Status cancelled =
      (co_await context.planes.control_plane.CancelUpload(std::move(cancel))).status();
  if (!cancelled.ok() && !absl::IsNotFound(cancelled)) {
    base::LogWarning("cannot end an upload that failed; it expires later",
                     {{"upload", upload.id()}, {"error", cancelled.message()}});
  }
}

// Returns `reason`, after ending a session that found no space.
http::Awaitable<absl::Status> RefuseUpload(const Context& context, const v1::Upload& upload,
                                           absl::Status reason) {
  if (absl::IsResourceExhausted(reason)) co_await EndUpload(context, upload, reason);
  co_return reason;
}

// Answers a body that was not accepted. If another request has continued the upload meanwhile,
// tells the client its current size, or that it has ended.
http::Awaitable<absl::Status> RefuseBody(const Context& context, const v1::Upload& upload,
                                         absl::Status reason) {
  if (absl::IsAborted(reason)) {
    // A newer request has taken over, or the session has ended.
    reason = oci::MakeError(oci::ErrorCode::kBlobUploadInvalid, reason.message());
  }
  // Another request has closed it.
  if (absl::IsFailedPrecondition(reason)) co_return UploadUnknown(context);
  if (oci::CodeOf(reason) != oci::ErrorCode::kBlobUploadInvalid) {
    co_return co_await RefuseUpload(context, upload, reason);
  }
  absl::StatusOr<v1::Upload> now = co_await FindUpload(context);
  if (!now.ok()) co_return now.status();
  const absl::StatusOr<Progress> progress = co_await FindProgress(context, *std::move(now));
  if (!progress.ok()) co_return progress.status();
  co_return co_await RefuseRange(context, *progress, reason);
}

// Checks that Content-Range, if present, continues the upload. The error is for RefuseRange.
absl::Status CheckContentRange(const http::Request& request, const Progress& progress) {
  const absl::string_view header = request.Header("Content-Range");
  if (header.empty()) return absl::OkStatus();
  const absl::StatusOr<ByteRange> range = ParseUploadRange(header);
  if (!range.ok()) return range.status();
  if (range->offset != progress.size_bytes) {
    return oci::MakeError(oci::ErrorCode::kBlobUploadInvalid,
                          absl::StrCat("Content-Range ", header, " does not continue the upload: ",
                                       progress.size_bytes, " bytes have arrived"));
  }
  if (request.content_length && static_cast<int64_t>(*request.content_length) != range->length) {
    return oci::MakeError(oci::ErrorCode::kBlobUploadInvalid,
                          absl::StrCat("Content-Range ", header, " names ", range->length,
                                       " bytes, but Content-Length is ", *request.content_length));
  }
  return absl::OkStatus();
}

// Verifies the bytes and commits them as the blob `digest`, and tells the client.
http::Awaitable<absl::Status> CommitUpload(const Context& context, const v1::Upload& upload,
                                           const oci::Digest& digest) {
  v1::CommitUploadRequest commit;
  commit.set_repository(upload.repository());
  commit.set_upload_id(upload.id());
  commit.set_digest(digest.ToString());
  const absl::StatusOr<v1::CommitUploadResponse> committed =
      co_await context.planes.control_plane.CommitUpload(std::move(commit));
  if (!committed.ok()) co_return committed.status();
  co_return co_await context.exchange.Send(CreatedResponse(upload.repository(), digest.ToString()));
}

// Mounts the blob from that repository if the caller may read it there and still may push here.
// Asks for both at once, so that one policy decides both. Returns false if it must become an
// upload.
http::Awaitable<absl::StatusOr<bool>> MountFrom(const Context& context, const oci::Digest& digest,
                                                const std::string& from) {
  const auto actions = [&] {
    std::vector<v1::Action> actions = RequiredActions(context.endpoint, context.route);
    actions.push_back(ReadMountSource(from));
    return actions;
  };
  const absl::StatusOr<AccessAnswer> access = co_await context.planes.access.Authorize(
      context.credential, actions, context.request().client_address);
  if (!access.ok()) co_return access.status();
  if (access->decision != AccessDecision::kAllowed) co_return false;
  v1::MountBlobRequest request;
  request.set_repository(context.route.repository);
  request.set_from_repository(from);
  request.set_digest(digest.ToString());
  const absl::StatusOr<v1::MountBlobResponse> mounted =
      co_await context.planes.control_plane.MountBlob(std::move(request));
  if (!mounted.ok()) co_return mounted.status();
  co_return mounted->mounted();
}

// As above, from any repository that has the blob.
http::Awaitable<absl::StatusOr<bool>> MountFromAnywhere(const Context& context,
                                                        const oci::Digest& digest) {
  v1::FindMountSourcesRequest request;
  request.set_digest(digest.ToString());
  request.set_limit(base::kMaxMountSources);
  const absl::StatusOr<v1::FindMountSourcesResponse> sources =
      co_await context.planes.control_plane.FindMountSources(std::move(request));
  if (!sources.ok()) co_return sources.status();
  for (const std::string& source : sources->repositories()) {
    const absl::StatusOr<bool> mounted = co_await MountFrom(context, digest, source);
    if (!mounted.ok() || *mounted) co_return mounted;
  }
  co_return false;
}

// Returns true if the blob was mounted and the client told. Whatever prevents the mount makes it a
// plain upload, as the specification allows.
http::Awaitable<absl::StatusOr<bool>> TryMount(const Context& context, const std::string& mount,
                                               const std::optional<std::string>& from) {
  const absl::StatusOr<oci::Digest> digest = oci::Digest::Parse(mount);
  if (!digest.ok()) co_return digest.status();
  absl::StatusOr<bool> mounted = false;
  if (!from || from->empty()) {
    mounted = co_await MountFromAnywhere(context, *digest);
  } else if (oci::RepositoryName::Parse(*from).ok()) {
    mounted = co_await MountFrom(context, *digest, *from);
  }
  if (!mounted.ok() || !*mounted) co_return mounted;
  const absl::Status sent =
      co_await context.exchange.Send(CreatedResponse(context.route.repository, digest->ToString()));
  if (!sent.ok()) co_return sent;
  co_return true;
}

}  // namespace

http::Awaitable<absl::Status> PostUpload(Context context) {
  const http::Request& request = context.request();
  if (const std::optional<std::string> mount = request.QueryParameter("mount")) {
    const absl::StatusOr<bool> mounted =
        co_await TryMount(context, *mount, request.QueryParameter("from"));
    if (!mounted.ok()) co_return mounted.status();
    if (*mounted) co_return absl::OkStatus();
  }
  // Refuse a malformed digest before receiving any bytes.
  std::optional<oci::Digest> digest;
  if (const std::optional<std::string> text = request.QueryParameter("digest")) {
    absl::StatusOr<oci::Digest> parsed = oci::Digest::Parse(*text);
    if (!parsed.ok()) co_return parsed.status();
    digest = *std::move(parsed);
  }
  v1::BeginUploadRequest begin;
  begin.set_repository(context.route.repository);
  begin.set_principal(context.principal);
  if (digest) {
    begin.set_digest_algorithm(std::string(digest->algorithm_name()));
  } else if (const std::optional<std::string> name = request.QueryParameter("digest-algorithm")) {
    const absl::StatusOr<oci::DigestAlgorithm> algorithm = oci::ParseDigestAlgorithm(*name);
    if (!algorithm.ok()) co_return algorithm.status();
    begin.set_digest_algorithm(*name);
  }
  absl::StatusOr<v1::Upload> upload =
      co_await context.planes.control_plane.BeginUpload(std::move(begin));
  if (!upload.ok()) co_return upload.status();
  if (!digest) co_return co_await context.exchange.Send(SessionResponse(202, *upload, 0));

  const Progress progress{.upload = *std::move(upload)};
  const absl::StatusOr<int64_t> size = co_await ReceiveBody(context, progress);
  absl::Status status = size.status();
  if (status.ok()) status = co_await CommitUpload(context, progress.upload, *digest);
  // The client never learned of the session, so it cannot resume or cancel it.
  if (!status.ok() && context.exchange.status_sent() == 0) {
    co_await EndUpload(context, progress.upload, status);
  }
  co_return status;
}

http::Awaitable<absl::Status> GetUpload(Context context) {
  absl::StatusOr<v1::Upload> upload = co_await FindUpload(context);
  if (!upload.ok()) co_return upload.status();
  const absl::StatusOr<Progress> progress = co_await FindProgress(context, *std::move(upload));
  if (!progress.ok()) co_return progress.status();
  co_return co_await context.exchange.Send(
      SessionResponse(204, progress->upload, progress->size_bytes));
}

http::Awaitable<absl::Status> PatchUpload(Context context) {
  absl::StatusOr<v1::Upload> upload = co_await FindUpload(context);
  if (!upload.ok()) co_return upload.status();
  const absl::StatusOr<Progress> progress = co_await FindProgress(context, *std::move(upload));
  if (!progress.ok()) co_return progress.status();
  // Already closed: it accepts no more bytes.
  if (progress->finished) co_return UploadUnknown(context);
  const absl::Status range = CheckContentRange(context.request(), *progress);
  if (!range.ok()) co_return co_await RefuseRange(context, *progress, range);
  const absl::StatusOr<int64_t> size = co_await ReceiveBody(context, *progress);
  if (!size.ok()) co_return co_await RefuseBody(context, progress->upload, size.status());
  co_return co_await context.exchange.Send(SessionResponse(202, progress->upload, *size));
}

http::Awaitable<absl::Status> PutUpload(Context context) {
  const std::optional<std::string> text = context.request().QueryParameter("digest");
  if (!text) {
    co_return oci::MakeError(
        oci::ErrorCode::kDigestInvalid,
        "the query parameter digest is missing: give the digest of the uploaded bytes");
  }
  const absl::StatusOr<oci::Digest> digest = oci::Digest::Parse(*text);
  if (!digest.ok()) co_return digest.status();
  absl::StatusOr<v1::Upload> upload = co_await FindUpload(context);
  if (!upload.ok()) co_return upload.status();
  // The client repeats a PUT whose response was lost. Committing again checks that the blob still
  // exists.
  if (upload->committed_digest() == digest->ToString()) {
    co_return co_await CommitUpload(context, *upload, *digest);
  }
  const absl::StatusOr<Progress> progress = co_await FindProgress(context, *std::move(upload));
  if (!progress.ok()) co_return progress.status();
  if (!progress->finished) {
    const absl::Status range = CheckContentRange(context.request(), *progress);
    if (!range.ok()) co_return co_await RefuseRange(context, *progress, range);
    const absl::StatusOr<int64_t> size = co_await ReceiveBody(context, *progress);
    // If the same PUT has finished the bytes meanwhile, committing succeeds again; of other bytes
    // it says what they are.
    if (!size.ok() && !absl::IsFailedPrecondition(size.status())) {
      co_return co_await RefuseBody(context, progress->upload, size.status());
    }
  }
  const absl::Status committed = co_await CommitUpload(context, progress->upload, *digest);
  co_return co_await RefuseUpload(context, progress->upload, committed);
}

http::Awaitable<absl::Status> DeleteUpload(Context context) {
  const absl::StatusOr<v1::Upload> upload = co_await FindUpload(context);
  if (!upload.ok()) co_return upload.status();
  if (!upload->committed_digest().empty()) co_return UploadUnknown(context);
  v1::CancelUploadRequest request;
  request.set_repository(upload->repository());
  request.set_upload_id(upload->id());
  const absl::StatusOr<v1::CancelUploadResponse> cancelled =
      co_await context.planes.control_plane.CancelUpload(std::move(request));
  if (!cancelled.ok()) co_return cancelled.status();
  http::Response response;
  response.head.status = 204;
  co_return co_await context.exchange.Send(std::move(response));
}

}  // namespace registry::gateway
