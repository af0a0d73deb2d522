// The list of a repository's tags. Source: distribution-spec spec.md#listing-tags.
#include <boost/json.hpp>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "gateway/error_response.h"
#include "gateway/handler.h"
#include "oci/error.h"

namespace registry::gateway {

Awaitable<absl::Status> ListTags(Context context) {
  const Request& request = context.request();
  int limit = base::kMaxTagsPage;
  if (const std::optional<std::string> n = request.QueryParameter("n")) {
    int64_t value = 0;
    if (!absl::SimpleAtoi(*n, &value) || value < 0) {
      co_return co_await context.exchange.Send(ErrorResponse(
          400, "UNSUPPORTED",
          absl::StrCat("the query parameter n is ", oci::Quote(*n), ": it must be a number")));
    }
    limit = static_cast<int>(std::min<int64_t>(value, base::kMaxTagsPage));
  }
  v1::ListTagsRequest query;
  query.set_repository(context.route.repository);
  query.set_last(request.QueryParameter("last").value_or(""));
  query.set_limit(limit);
  const absl::StatusOr<v1::ListTagsResponse> page =
      co_await context.planes.control_plane.ListTags(std::move(query));
  if (!page.ok()) co_return page.status();

  boost::json::array tags;
  for (const std::string& tag : page->tags()) tags.emplace_back(tag);
  boost::json::object body;
  body["name"] = context.route.repository;
  body["tags"] = std::move(tags);
  Response response;
  response.head.Set("Content-Type", "application/json");
  if (page->more() && page->tags_size() > 0) {
    response.head.Set(
        "Link", absl::StrCat("</v2/", context.route.repository, "/tags/list?n=", limit, "&last=",
                             PercentEncode(page->tags(page->tags_size() - 1)), ">; rel=\"next\""));
  }
  response.body = boost::json::serialize(body);
  co_return co_await context.exchange.Send(std::move(response));
}

}  // namespace registry::gateway
