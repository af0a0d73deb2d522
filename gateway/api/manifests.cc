// GET, HEAD, PUT and DELETE of a manifest. Source: distribution-spec spec.md#pulling-manifests,
// #pushing-manifests, #deleting-manifests.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "gateway/api/handler.h"
#include "oci/error.h"
#include "oci/name.h"

namespace registry::gateway {
namespace {

absl::Status TooLarge() {
  return oci::MakeError(
      oci::ErrorCode::kManifestTooLarge,
      absl::StrCat("the manifest is larger than ", base::kMaxManifestBytes, " bytes, the maximum"));
}

// The Content-Type without its parameters.
std::string MediaType(const http::Request& request) {
  const absl::string_view header = request.Header("Content-Type");
  return std::string(absl::StripAsciiWhitespace(header.substr(0, header.find(';'))));
}

absl::string_view Unquote(absl::string_view tag) {
  // Protobuf strings carry only UTF-8, and digests are always UTF-8.
  if (!base::IsUtf8Text(tag)) return "malformed";
  if (tag.size() >= 2 && tag.front() == '"' && tag.back() == '"') {
    tag = tag.substr(1, tag.size() - 2);
  }
  return tag;
}

// Reads If-Match and If-None-Match; entity tags are digests.
v1::Precondition ReadPrecondition(const http::Request& request) {
  v1::Precondition precondition;
  for (absl::string_view tag : request.EntityTags("If-Match")) {
    // A weak tag must never match here (RFC 9110, 13.1.1), so it keeps its W/.
    precondition.add_if_match(std::string(Unquote(tag)));
  }
  for (absl::string_view tag : request.EntityTags("If-None-Match")) {
    absl::ConsumePrefix(&tag, "W/");
    precondition.add_if_none_match(std::string(Unquote(tag)));
  }
  return precondition;
}

}  // namespace

http::Awaitable<absl::Status> GetManifest(Context context) {
  const absl::StatusOr<oci::Reference> reference = oci::ParseReference(context.route.reference);
  if (!reference.ok()) co_return reference.status();
  const bool head_only = context.request().method() == "HEAD";
  v1::GetManifestRequest request;
  request.set_repository(context.route.repository);
  request.set_reference(context.route.reference);
  request.set_head(head_only);
  absl::StatusOr<v1::Manifest> manifest =
      co_await context.planes.control_plane.GetManifest(std::move(request));
  if (!manifest.ok()) co_return manifest.status();
  const std::string etag = absl::StrCat("\"", manifest->digest(), "\"");
  http::Response response;
  response.head.Set("Content-Type", manifest->media_type())
      .Set("Docker-Content-Digest", manifest->digest())
      .Set("ETag", etag)
      // The client chose the media type; browsers must not guess another.
      .Set("X-Content-Type-Options", "nosniff");
  if (context.request().IfNoneMatchHas(etag)) {
    response.head.status = 304;
    co_return co_await context.exchange.Send(std::move(response));
  }
  response.head.content_length = static_cast<uint64_t>(manifest->size_bytes());
  response.body = std::move(*manifest->mutable_content());
  co_return co_await context.exchange.Send(std::move(response));
}

http::Awaitable<absl::Status> PutManifest(Context context) {
  const absl::StatusOr<oci::Reference> reference = oci::ParseReference(context.route.reference);
  if (!reference.ok()) co_return reference.status();
  const auto& length = context.request().content_length;
  if (length && *length > base::kMaxManifestBytes) {
    co_return TooLarge();
  }
  // The size that the client announces, or else the maximum.
  MemoryBudget::Share share(context.planes.manifest_budget,
                            length ? *length : base::kMaxManifestBytes);
  if (!share.granted()) {
    co_return absl::UnavailableError("too many manifests are being pushed; try again");
  }
  v1::PutManifestRequest request;
  std::string& content = *request.mutable_content();
  while (true) {
    const absl::StatusOr<std::string> part = co_await context.exchange.ReadBody(base::kChunkBytes);
    if (!part.ok()) co_return part.status();
    if (part->empty()) break;
    if (content.size() + part->size() > base::kMaxManifestBytes) {
      co_return TooLarge();
    }
    content += *part;
  }
  request.set_repository(context.route.repository);
  request.set_reference(context.route.reference);
  request.set_media_type(MediaType(context.request()));
  request.set_principal(context.principal);
  std::vector<std::string> tags;
  for (std::string& tag : context.request().QueryParameters("tag")) {
    if (std::find(tags.begin(), tags.end(), tag) == tags.end()) tags.push_back(std::move(tag));
  }
  request.mutable_tags()->Add(tags.begin(), tags.end());
  *request.mutable_precondition() = ReadPrecondition(context.request());
  const absl::StatusOr<v1::PutManifestResponse> stored =
      co_await context.planes.control_plane.PutManifest(std::move(request));
  if (!stored.ok()) co_return stored.status();
  http::Response response;
  response.head.status = 201;
  response.head
      .Set("Location",
           absl::StrCat("/v2/", context.route.repository, "/manifests/", stored->digest()))
      .Set("Docker-Content-Digest", stored->digest())
      .Set("ETag", absl::StrCat("\"", stored->digest(), "\""));
  if (!stored->subject().empty()) response.head.Set("OCI-Subject", stored->subject());
  for (const std::string& tag : tags) response.head.Set("OCI-Tag", tag);
  co_return co_await context.exchange.Send(std::move(response));
}

http::Awaitable<absl::Status> DeleteManifest(Context context) {
  const absl::StatusOr<oci::Reference> reference = oci::ParseReference(context.route.reference);
  if (!reference.ok()) co_return reference.status();
  v1::DeleteManifestRequest request;
  request.set_repository(context.route.repository);
  request.set_reference(context.route.reference);
  request.set_principal(context.principal);
  *request.mutable_precondition() = ReadPrecondition(context.request());
  const absl::StatusOr<v1::DeleteManifestResponse> deleted =
      co_await context.planes.control_plane.DeleteManifest(std::move(request));
  if (!deleted.ok()) co_return deleted.status();
  http::Response response;
  response.head.status = 202;
  co_return co_await context.exchange.Send(std::move(response));
}

}  // namespace registry::gateway
