#include "gateway/range.h"

#include <algorithm>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "oci/error.h"

namespace registry::gateway {
namespace {

// Digits only; a number too large for int64 is its maximum, because it is past any end.
std::optional<int64_t> ParsePosition(absl::string_view text) {
  if (text.empty() || !std::all_of(text.begin(), text.end(),
                                   [](unsigned char c) { return absl::ascii_isdigit(c); })) {
    return std::nullopt;
  }
  int64_t value = 0;
  return absl::SimpleAtoi(text, &value) ? value : std::numeric_limits<int64_t>::max();
}

}  // namespace

absl::StatusOr<std::optional<ByteRange>> ParseRange(absl::string_view header, int64_t size) {
  constexpr absl::string_view kUnit = "bytes=";
  if (!absl::StartsWithIgnoreCase(header, kUnit)) return std::nullopt;
  const absl::string_view spec = absl::StripAsciiWhitespace(header.substr(kUnit.size()));
  const size_t dash = spec.find('-');
  if (dash == absl::string_view::npos || absl::StrContains(spec, ",")) return std::nullopt;
  const std::optional<int64_t> first = ParsePosition(spec.substr(0, dash));
  const std::optional<int64_t> last = ParsePosition(spec.substr(dash + 1));
  const absl::Status unsatisfiable = oci::MakeError(
      oci::ErrorCode::kBlobUploadInvalid,
      absl::StrCat("the range ", oci::Quote(header), " has no byte of the blob's ", size));
  if (dash == 0) {
    if (!last) return std::nullopt;
    if (*last == 0 || size == 0) return unsatisfiable;
    const int64_t length = std::min(*last, size);
    return ByteRange{size - length, length};
  }
  if (!first || (!last && dash + 1 != spec.size())) return std::nullopt;
  const int64_t end = std::min(last.value_or(std::numeric_limits<int64_t>::max()), size - 1);
  if (*first >= size || end < *first) return unsatisfiable;
  return ByteRange{*first, end - *first + 1};
}

absl::StatusOr<ByteRange> ParseUploadRange(absl::string_view header) {
  absl::string_view spec = absl::StripAsciiWhitespace(header);
  const size_t dash = spec.find('-');
  if (dash != absl::string_view::npos) {
    const std::optional<int64_t> first = ParsePosition(spec.substr(0, dash));
    const std::optional<int64_t> last = ParsePosition(spec.substr(dash + 1));
    if (first && last && *first <= *last && *last < std::numeric_limits<int64_t>::max()) {
      return ByteRange{*first, *last - *first + 1};
    }
  }
  return oci::MakeError(oci::ErrorCode::kBlobUploadInvalid,
                        absl::StrCat("malformed Content-Range ", oci::Quote(header),
                                     ": it must be FIRST-LAST, both byte positions"));
}

}  // namespace registry::gateway
