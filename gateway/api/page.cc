#include "gateway/api/page.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/quote.h"
#include "oci/error.h"

namespace registry::gateway {

absl::StatusOr<PageQuery> ParsePageQuery(const http::Request& request, int max_limit) {
  PageQuery page{.limit = max_limit, .last = request.QueryParameter("last").value_or("")};
  if (const std::optional<std::string> n = request.QueryParameter("n")) {
    int64_t value = 0;
    if (!absl::SimpleAtoi(*n, &value) || value < 0) {
      return oci::MakeError(
          oci::ErrorCode::kQueryInvalid,
          absl::StrCat("the query parameter n is ", base::Quote(*n), ": it must be a number"));
    }
    page.limit = static_cast<int>(std::min<int64_t>(value, max_limit));
  }
  return page;
}

std::string NextLink(absl::string_view path, int limit, absl::string_view last,
                     absl::string_view filter) {
  return absl::StrCat("<", path, "?n=", limit, "&last=", http::PercentEncode(last), filter,
                      ">; rel=\"next\"");
}

}  // namespace registry::gateway
