// Pages of a list: the query parameters `n` and `last`, and the Link to the next page.
//
// Thread-safe. Source: distribution-spec spec.md#listing-tags; RFC 8288.
#ifndef REGISTRY_GATEWAY_PAGE_H_
#define REGISTRY_GATEWAY_PAGE_H_

#include <string>

#include "absl/status/statusor.h"
#include "gateway/http/message.h"

namespace registry::gateway {

struct PageQuery {
  // At most the limit that was given to ParsePageQuery.
  int limit;
  // Empty: from the beginning.
  std::string last;
};

// A larger `n` than `max_limit` is lowered to it, none means it. Error: kQueryInvalid.
absl::StatusOr<PageQuery> ParsePageQuery(const Request& request, int max_limit);

// The value of the Link header. `filter` is a further part of the query, "&artifactType=…", or
// empty.
std::string NextLink(absl::string_view path, int limit, absl::string_view last,
                     absl::string_view filter = "");

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_PAGE_H_
