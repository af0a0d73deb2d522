#include "base/quote.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace registry::base {

std::string Quote(absl::string_view text) {
  constexpr size_t kMaxBytes = 200;
  const bool cut = text.size() > kMaxBytes;
  const absl::string_view shown = text.substr(0, kMaxBytes);
  // Invalid UTF-8 would make the JSON that carries the message invalid.
  return absl::StrCat("\"", absl::CHexEscape(shown), cut ? "…" : "", "\"");
}

}  // namespace registry::base
