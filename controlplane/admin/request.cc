#include "controlplane/admin/request.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/limits.h"
#include "controlplane/policy/error.h"

namespace registry::controlplane {

absl::StatusOr<size_t> PageSize(int32_t asked) {
  if (asked < 0) return InvalidField("page_size", absl::StrCat("is negative: ", asked));
  if (asked == 0) return base::kDefaultAdminPage;
  return std::min(asked, base::kMaxAdminPage);
}

std::string MakePageToken(absl::string_view collection, absl::string_view position) {
  return absl::WebSafeBase64Escape(absl::StrCat(collection, "\n", position));
}

absl::StatusOr<std::string> ReadPageToken(absl::string_view collection, const std::string& token) {
  if (token.empty()) return token;
  std::string text;
  absl::string_view rest;
  if (absl::WebSafeBase64Unescape(token, &text)) rest = text;
  if (absl::ConsumePrefix(&rest, absl::StrCat(collection, "\n"))) return std::string(rest);
  return InvalidField("page_token", "is not from this method; send the next_page_token unchanged");
}

}  // namespace registry::controlplane
