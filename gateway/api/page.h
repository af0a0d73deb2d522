// Pages of a list: the query parameters `n` and `last`, and the Link to the next page.
//
// Thread-safe. Source: distribution-spec spec.md#listing-tags; RFC 8288.
#ifndef REGISTRY_GATEWAY_API_PAGE_H_
#define REGISTRY_GATEWAY_API_PAGE_H_

#include <string>

#include "absl/status/statusor.h"
#include "base/http/message.h"

namespace registry::gateway {

struct PageQuery {
  // At most `max_limit` of ParsePageQuery.
  int limit;
  // If empty, the page begins at the start of the list.
  std::string last;
};

// Caps `n` at `max_limit`, which is also the default. Error: kQueryInvalid.
absl::StatusOr<PageQuery> ParsePageQuery(const http::Request& request, int max_limit);

// The value of the Link header. `filter` is another part of the query, "&artifactType=…", or empty.
std::string NextLink(absl::string_view path, int limit, absl::string_view last,
                     absl::string_view filter = "");

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_API_PAGE_H_
