// The list of a manifest's referrers, an image index. Source: distribution-spec
// spec.md#listing-referrers.
#include <boost/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "gateway/api/handler.h"
#include "gateway/api/page.h"
#include "oci/digest.h"
#include "oci/manifest.h"

namespace registry::gateway {
namespace {

namespace json = boost::json;

std::string Quoted(absl::string_view text) {
  return json::serialize(json::string_view(text.data(), text.size()));
}

std::string DescriptorJson(const v1::Referrer& referrer) {
  std::string text =
      absl::StrCat("{\"mediaType\":", Quoted(referrer.media_type()),
                   ",\"digest\":", Quoted(referrer.digest()), ",\"size\":", referrer.size_bytes());
  if (!referrer.artifact_type().empty()) {
    absl::StrAppend(&text, ",\"artifactType\":", Quoted(referrer.artifact_type()));
  }
  if (!referrer.annotations_json().empty()) {
    absl::StrAppend(&text, ",\"annotations\":", referrer.annotations_json());
  }
  return text + "}";
}

// A coroutine of its own: while the client reads, nothing but the answer is kept.
http::Awaitable<absl::StatusOr<http::Response>> MakePage(const Context& context) {
  const absl::StatusOr<oci::Digest> subject = oci::Digest::Parse(context.route.reference);
  if (!subject.ok()) co_return subject.status();
  const absl::StatusOr<PageQuery> query =
      ParsePageQuery(context.request(), base::kMaxReferrersPage);
  if (!query.ok()) co_return query.status();
  const std::string artifact_type = context.request().QueryParameter("artifactType").value_or("");
  v1::ListReferrersRequest request;
  request.set_repository(context.route.repository);
  request.set_subject(subject->ToString());
  request.set_artifact_type(artifact_type);
  request.set_last(query->last);
  request.set_limit(query->limit);
  const absl::StatusOr<v1::ListReferrersResponse> page =
      co_await context.planes.control_plane.ListReferrers(std::move(request));
  if (!page.ok()) co_return page.status();

  http::Response response;
  response.head.Set("Content-Type", oci::kMediaTypeImageIndex);
  if (!artifact_type.empty()) response.head.Set("OCI-Filters-Applied", "artifactType");
  response.body = absl::StrCat(
      "{\"schemaVersion\":2,\"mediaType\":", Quoted(oci::kMediaTypeImageIndex), ",\"manifests\":[");
  int listed = 0;
  for (const v1::Referrer& referrer : page->referrers()) {
    const std::string descriptor = DescriptorJson(referrer);
    // The control plane keeps pages below this, except for text that JSON escapes make longer.
    if (listed > 0 && response.body.size() + descriptor.size() + 8 > base::kMaxReferrersBytes) {
      break;
    }
    absl::StrAppend(&response.body, listed == 0 ? "" : ",", descriptor);
    ++listed;
  }
  response.body += "]}";
  if (listed > 0 && (page->more() || listed < page->referrers_size())) {
    const std::string filter =
        artifact_type.empty() ? ""
                              : absl::StrCat("&artifactType=", http::PercentEncode(artifact_type));
    response.head.Set("Link", NextLink(absl::StrCat("/v2/", context.route.repository, "/referrers/",
                                                    subject->ToString()),
                                       query->limit, page->referrers(listed - 1).digest(), filter));
  }
  co_return response;
}

}  // namespace

http::Awaitable<absl::Status> ListReferrers(Context context) {
  absl::StatusOr<http::Response> page = co_await MakePage(context);
  if (!page.ok()) co_return page.status();
  co_return co_await context.exchange.Send(*std::move(page));
}

}  // namespace registry::gateway
