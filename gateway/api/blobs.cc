// GET, HEAD and DELETE of a blob. Source: distribution-spec spec.md#pulling-blobs, #deleting-blobs.
#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "gateway/api/error_response.h"
#include "gateway/api/handler.h"
#include "gateway/api/range.h"
#include "oci/digest.h"

namespace registry::gateway {
namespace {

constexpr absl::string_view kContentType = "application/octet-stream";

std::string EntityTag(const v1::Blob& blob) { return absl::StrCat("\"", blob.digest(), "\""); }

http::ResponseHead BlobHead(const v1::Blob& blob, absl::string_view content_type = kContentType) {
  http::ResponseHead head;
  head.Set("Content-Type", content_type)
      .Set("Docker-Content-Digest", blob.digest())
      .Set("ETag", EntityTag(blob))
      .Set("Accept-Ranges", "bytes")
      .Set("Cache-Control", "max-age=31536000");
  head.content_length = static_cast<uint64_t>(blob.size_bytes());
  return head;
}

std::string ContentRange(ByteRange range, const v1::Blob& blob) {
  return absl::StrCat("bytes ", range.offset, "-", range.offset + range.length - 1, "/",
                      blob.size_bytes());
}

// The ranges that the request asks for; empty means the whole blob.
absl::StatusOr<std::vector<ByteRange>> WantedRanges(const http::Request& request,
                                                    const v1::Blob& blob) {
  // If-Range refers to an earlier version, and blobs never have one (RFC 9110, 13.1.5).
  const absl::string_view condition = request.Header("If-Range");
  if (!condition.empty() && condition != EntityTag(blob)) return std::vector<ByteRange>();
  return ParseRanges(request.Header("Range"), blob.size_bytes());
}

http::Awaitable<absl::StatusOr<std::unique_ptr<StorageRead>>> TryOpenRange(const Context& context,
                                                                           const v1::Blob& blob,
                                                                           ByteRange range) {
  v1::ReadRequest request;
  request.set_incarnation(blob.incarnation());
  request.set_digest(blob.digest());
  request.set_offset(range.offset);
  request.set_length_bytes(range.length);
  request.set_size_bytes(blob.size_bytes());
  co_return co_await context.planes.storage_nodes.Read({blob.nodes().begin(), blob.nodes().end()},
                                                       std::move(request));
}

// Returns true if the node has answered and lacks the bytes that the metadata promises.
bool IsUnreadable(const absl::Status& status) {
  return absl::IsNotFound(status) || absl::IsOutOfRange(status) || absl::IsDataLoss(status);
}

// Asks the control plane to check the stored bytes. Returns the current blob.
http::Awaitable<absl::StatusOr<v1::Blob>> ReportUnreadable(const Context& context,
                                                           const v1::Blob& blob) {
  v1::GetBlobRequest query;
  query.set_repository(context.route.repository);
  query.set_digest(blob.digest());
  query.set_unreadable_incarnation(blob.incarnation());
  co_return co_await context.planes.control_plane.GetBlob(std::move(query));
}

// Opens a read of `blob`. If a push has replaced the blob since the look-up, updates `blob`.
http::Awaitable<absl::StatusOr<std::unique_ptr<StorageRead>>> OpenRange(const Context& context,
                                                                        v1::Blob& blob,
                                                                        ByteRange range) {
  absl::StatusOr<std::unique_ptr<StorageRead>> read = co_await TryOpenRange(context, blob, range);
  if (!read.ok() && IsUnreadable(read.status())) {
    absl::StatusOr<v1::Blob> current = co_await ReportUnreadable(context, blob);
    if (!current.ok()) co_return current.status();
    blob = *std::move(current);
    read = co_await TryOpenRange(context, blob, range);
  }
  if (read.ok()) co_return read;
  // Metadata says that the bytes exist: if they are missing, that is a server error, not a 404.
  co_return absl::Status(
      IsUnreadable(read.status()) ? absl::StatusCode::kDataLoss : read.status().code(),
      absl::StrCat("cannot read blob ", blob.digest(), ": ", read.status().message()));
}

// Sends the chunks from the node, or the open file.
http::Awaitable<absl::Status> SendOpened(http::Exchange& exchange, StorageRead& read,
                                         ByteRange range) {
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

// As above. Reports damage that it notices while sending, so that a push can repair the blob.
http::Awaitable<absl::Status> SendBytes(const Context& context, const v1::Blob& blob,
                                        StorageRead& read, ByteRange range) {
  absl::Status sent = co_await SendOpened(context.exchange, read, range);
  if (absl::IsDataLoss(sent)) {
    (co_await ReportUnreadable(context, blob)).status().IgnoreError();
  }
  co_return sent;
}

// Sends `head`, then the whole blob or one range of it.
http::Awaitable<absl::Status> SendRange(const Context& context, v1::Blob& blob,
                                        http::ResponseHead head, ByteRange range) {
  if (range.length == 0) co_return co_await context.exchange.SendHead(std::move(head));
  const absl::StatusOr<std::unique_ptr<StorageRead>> read =
      co_await OpenRange(context, blob, range);
  if (!read.ok()) co_return read.status();
  absl::Status sent = co_await context.exchange.SendHead(std::move(head));
  if (!sent.ok()) co_return sent;
  co_return co_await SendBytes(context, blob, **read, range);
}

// Returns the head of one part of several. Callers keep none: base::kMaxRanges of them would take
// too much memory for one request.
std::string PartHead(absl::string_view boundary, ByteRange range, const v1::Blob& blob) {
  return absl::StrCat("\r\n--", boundary, "\r\nContent-Type: ", kContentType,
                      "\r\nContent-Range: ", ContentRange(range, blob), "\r\n\r\n");
}

// Sends several ranges as multipart/byteranges (RFC 9110, 14.6).
http::Awaitable<absl::Status> SendRanges(const Context& context, v1::Blob& blob,
                                         const std::vector<ByteRange>& ranges) {
  const std::string boundary = base::NewUuid7();
  const std::string end = absl::StrCat("\r\n--", boundary, "--\r\n");
  uint64_t length = end.size();
  for (const ByteRange range : ranges) {
    length += PartHead(boundary, range, blob).size() + static_cast<uint64_t>(range.length);
  }
  http::ResponseHead head =
      BlobHead(blob, absl::StrCat("multipart/byteranges; boundary=", boundary));
  head.status = 206;
  head.content_length = length;
  std::unique_ptr<StorageRead> read;
  for (const ByteRange range : ranges) {
    // An open file serves all ranges; a stream of chunks serves one.
    if (!read || read->descriptor() < 0) {
      absl::StatusOr<std::unique_ptr<StorageRead>> opened =
          co_await OpenRange(context, blob, range);
      if (!opened.ok()) co_return opened.status();
      read = *std::move(opened);
    }
    absl::Status sent;
    if (context.exchange.status_sent() == 0) {
      sent = co_await context.exchange.SendHead(std::move(head));
      if (!sent.ok()) co_return sent;
    }
    sent = co_await context.exchange.SendBody(PartHead(boundary, range, blob));
    if (sent.ok()) sent = co_await SendBytes(context, blob, *read, range);
    if (!sent.ok()) co_return sent;
  }
  co_return co_await context.exchange.SendBody(end);
}

}  // namespace

http::Awaitable<absl::Status> GetBlob(Context context) {
  const absl::StatusOr<oci::Digest> digest = oci::Digest::Parse(context.route.reference);
  if (!digest.ok()) co_return digest.status();
  const bool head_only = context.request().method() == "HEAD";
  v1::GetBlobRequest query;
  query.set_repository(context.route.repository);
  query.set_digest(digest->ToString());
  query.set_touch(head_only);
  absl::StatusOr<v1::Blob> blob = co_await context.planes.control_plane.GetBlob(std::move(query));
  if (!blob.ok()) co_return blob.status();

  const bool known = context.request().IfNoneMatchHas(EntityTag(*blob));
  if (known || head_only) {
    http::Response response{.head = BlobHead(*blob), .body = ""};
    if (known) response.head.status = 304;
    co_return co_await context.exchange.Send(std::move(response));
  }
  const absl::StatusOr<std::vector<ByteRange>> ranges = WantedRanges(context.request(), *blob);
  if (!ranges.ok()) {
    http::Response refusal = ErrorResponse(ranges.status(), context.route);
    refusal.head.Set("Content-Range", absl::StrCat("bytes */", blob->size_bytes()));
    co_return co_await context.exchange.Send(std::move(refusal));
  }
  if (ranges->size() > 1) co_return co_await SendRanges(context, *blob, *ranges);
  http::ResponseHead head = BlobHead(*blob);
  if (ranges->empty()) {
    co_return co_await SendRange(context, *blob, std::move(head), {0, blob->size_bytes()});
  }
  const ByteRange range = ranges->front();
  head.status = 206;
  head.content_length = static_cast<uint64_t>(range.length);
  head.Set("Content-Range", ContentRange(range, *blob));
  co_return co_await SendRange(context, *blob, std::move(head), range);
}

http::Awaitable<absl::Status> DeleteBlob(Context context) {
  const absl::StatusOr<oci::Digest> digest = oci::Digest::Parse(context.route.reference);
  if (!digest.ok()) co_return digest.status();
  v1::DeleteBlobRequest request;
  request.set_repository(context.route.repository);
  request.set_digest(digest->ToString());
  const absl::StatusOr<v1::DeleteBlobResponse> deleted =
      co_await context.planes.control_plane.DeleteBlob(std::move(request));
  if (!deleted.ok()) co_return deleted.status();
  http::Response response;
  response.head.status = 202;
  co_return co_await context.exchange.Send(std::move(response));
}

}  // namespace registry::gateway
