// GET, HEAD and DELETE of a blob. Source: distribution-spec spec.md#pulling-blobs, #deleting-blobs.
#include "absl/strings/str_cat.h"
#include "gateway/error_response.h"
#include "gateway/handler.h"
#include "gateway/range.h"
#include "oci/digest.h"

namespace registry::gateway {
namespace {

ResponseHead BlobHead(const v1::Blob& blob) {
  ResponseHead head;
  head.Set("Content-Type", "application/octet-stream")
      .Set("Docker-Content-Digest", blob.digest())
      .Set("ETag", absl::StrCat("\"", blob.digest(), "\""))
      .Set("Accept-Ranges", "bytes")
      .Set("Cache-Control", "max-age=31536000");
  head.content_length = static_cast<uint64_t>(blob.size_bytes());
  return head;
}

// Sends the chunks that the node sends, or the file that it opened.
Awaitable<absl::Status> SendBytes(Exchange& exchange, StorageRead& read, ByteRange range) {
  if (read.descriptor() >= 0) {
    co_return co_await exchange.SendFile(read.descriptor(), range.offset, range.length);
  }
  while (true) {
    const absl::StatusOr<std::string> part = co_await read.Next();
    if (!part.ok()) co_return part.status();
    if (part->empty()) co_return absl::OkStatus();
    absl::Status status = co_await exchange.SendBody(*part);
    if (!status.ok()) co_return status;
  }
}

}  // namespace

Awaitable<absl::Status> GetBlob(Context context) {
  const absl::StatusOr<oci::Digest> digest = oci::Digest::Parse(context.route.reference);
  if (!digest.ok()) co_return digest.status();
  const bool head_only = context.request().method() == "HEAD";
  v1::GetBlobRequest query;
  query.set_repository(context.route.repository);
  query.set_digest(digest->ToString());
  query.set_touch(head_only);
  const absl::StatusOr<v1::Blob> blob =
      co_await context.planes.control_plane.GetBlob(std::move(query));
  if (!blob.ok()) co_return blob.status();

  ResponseHead head = BlobHead(*blob);
  if (context.request().IfNoneMatchHas(absl::StrCat("\"", blob->digest(), "\""))) {
    head.status = 304;
    Response response{.head = std::move(head), .body = ""};
    co_return co_await context.exchange.Send(std::move(response));
  }
  if (head_only) {
    Response response{.head = std::move(head), .body = ""};
    co_return co_await context.exchange.Send(std::move(response));
  }
  const absl::StatusOr<std::optional<ByteRange>> wanted =
      ParseRange(context.request().Header("Range"), blob->size_bytes());
  if (!wanted.ok()) {
    Response refusal = ErrorResponse(wanted.status(), context.route);
    refusal.head.Set("Content-Range", absl::StrCat("bytes */", blob->size_bytes()));
    co_return co_await context.exchange.Send(std::move(refusal));
  }
  const ByteRange range = wanted->value_or(ByteRange{0, blob->size_bytes()});
  if (wanted->has_value()) {
    head.status = 206;
    head.content_length = static_cast<uint64_t>(range.length);
    head.Set("Content-Range",
             absl::StrCat("bytes ", range.offset, "-", range.offset + range.length - 1, "/",
                          blob->size_bytes()));
  }
  if (range.length == 0) co_return co_await context.exchange.SendHead(std::move(head));

  v1::ReadRequest read_request;
  read_request.set_incarnation(blob->incarnation());
  read_request.set_digest(blob->digest());
  read_request.set_offset(range.offset);
  read_request.set_length_bytes(range.length);
  const absl::StatusOr<std::unique_ptr<StorageRead>> read =
      co_await context.planes.storage_nodes.Read({blob->nodes().begin(), blob->nodes().end()},
                                                 std::move(read_request));
  if (!read.ok()) {
    // The record says that the bytes are there: their absence is this registry's fault, not a 404.
    co_return absl::Status(
        read.status().code() == absl::StatusCode::kUnavailable ? absl::StatusCode::kUnavailable
                                                               : absl::StatusCode::kDataLoss,
        absl::StrCat("cannot read blob ", blob->digest(), ": ", read.status().message()));
  }
  absl::Status sent = co_await context.exchange.SendHead(std::move(head));
  if (!sent.ok()) co_return sent;
  co_return co_await SendBytes(context.exchange, **read, range);
}

Awaitable<absl::Status> DeleteBlob(Context context) {
  const absl::StatusOr<oci::Digest> digest = oci::Digest::Parse(context.route.reference);
  if (!digest.ok()) co_return digest.status();
  v1::DeleteBlobRequest request;
  request.set_repository(context.route.repository);
  request.set_digest(digest->ToString());
  const absl::StatusOr<v1::DeleteBlobResponse> deleted =
      co_await context.planes.control_plane.DeleteBlob(std::move(request));
  if (!deleted.ok()) co_return deleted.status();
  Response response;
  response.head.status = 202;
  co_return co_await context.exchange.Send(std::move(response));
}

}  // namespace registry::gateway
