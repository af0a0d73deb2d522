// The list of repositories. Source: the Docker registry HTTP API v2, "Catalog"; the distribution
// specification reserves the path.
#include <boost/json.hpp>

#include "base/limits.h"
#include "gateway/api/handler.h"
#include "gateway/api/page.h"

namespace registry::gateway {

namespace {

// A separate coroutine, so that only the response stays in memory while the client reads.
http::Awaitable<absl::StatusOr<http::Response>> MakePage(const Context& context) {
  const absl::StatusOr<PageQuery> query = ParsePageQuery(context.request(), base::kMaxCatalogPage);
  if (!query.ok()) co_return query.status();
  v1::ListRepositoriesRequest request;
  request.set_last(query->last);
  request.set_limit(query->limit);
  request.set_principal(context.principal);
  const absl::StatusOr<v1::ListRepositoriesResponse> page =
      co_await context.planes.control_plane.ListRepositories(std::move(request));
  if (!page.ok()) co_return page.status();

  boost::json::array repositories;
  for (const std::string& name : page->repositories()) repositories.emplace_back(name);
  boost::json::object body;
  body["repositories"] = std::move(repositories);
  http::Response response;
  response.head.Set("Content-Type", "application/json");
  if (!page->next().empty()) {
    response.head.Set("Link", NextLink("/v2/_catalog", query->limit, page->next()));
  }
  response.body = boost::json::serialize(body);
  co_return response;
}

}  // namespace

http::Awaitable<absl::Status> ListRepositories(Context context) {
  absl::StatusOr<http::Response> page = co_await MakePage(context);
  if (!page.ok()) co_return page.status();
  co_return co_await context.exchange.Send(*std::move(page));
}

}  // namespace registry::gateway
