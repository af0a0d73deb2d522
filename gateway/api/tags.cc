// The list of a repository's tags. Source: distribution-spec spec.md#listing-tags.
#include <boost/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "gateway/api/handler.h"
#include "gateway/api/page.h"

namespace registry::gateway {

namespace {

// A coroutine of its own: while the client reads, nothing but the answer is kept.
http::Awaitable<absl::StatusOr<http::Response>> MakePage(const Context& context) {
  const absl::StatusOr<PageQuery> query = ParsePageQuery(context.request(), base::kMaxTagsPage);
  if (!query.ok()) co_return query.status();
  v1::ListTagsRequest request;
  request.set_repository(context.route.repository);
  request.set_last(query->last);
  request.set_limit(query->limit);
  request.set_principal(context.principal);
  const absl::StatusOr<v1::ListTagsResponse> page =
      co_await context.planes.control_plane.ListTags(std::move(request));
  if (!page.ok()) co_return page.status();

  boost::json::array tags;
  for (const std::string& tag : page->tags()) tags.emplace_back(tag);
  boost::json::object body;
  body["name"] = context.route.repository;
  body["tags"] = std::move(tags);
  http::Response response;
  response.head.Set("Content-Type", "application/json");
  if (!page->next().empty()) {
    response.head.Set("Link", NextLink(absl::StrCat("/v2/", context.route.repository, "/tags/list"),
                                       query->limit, page->next()));
  }
  response.body = boost::json::serialize(body);
  co_return response;
}

}  // namespace

http::Awaitable<absl::Status> ListTags(Context context) {
  absl::StatusOr<http::Response> page = co_await MakePage(context);
  if (!page.ok()) co_return page.status();
  co_return co_await context.exchange.Send(*std::move(page));
}

}  // namespace registry::gateway
