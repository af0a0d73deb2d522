#include "gateway/api/range.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/limits.h"
#include "base/quote.h"
#include "oci/error.h"

namespace registry::gateway {
namespace {

// Accepts only digits. A number too large for int64 becomes its maximum, which is past any end.
std::optional<int64_t> ParsePosition(absl::string_view text) {
  if (text.empty() || !std::all_of(text.begin(), text.end(),
                                   [](unsigned char c) { return absl::ascii_isdigit(c); })) {
    return std::nullopt;
  }
  int64_t value = 0;
  return absl::SimpleAtoi(text, &value) ? value : std::numeric_limits<int64_t>::max();
}

// Parses one range and clamps it to existing bytes, perhaps to none; nullopt if malformed.
std::optional<ByteRange> ParseOne(absl::string_view spec, int64_t size) {
  const size_t dash = spec.find('-');
  if (dash == absl::string_view::npos) return std::nullopt;
  const std::optional<int64_t> first = ParsePosition(spec.substr(0, dash));
  const std::optional<int64_t> last = ParsePosition(spec.substr(dash + 1));
  if (dash == 0) {
    if (!last) return std::nullopt;
    const int64_t length = std::min(*last, size);
    return ByteRange{size - length, length};
  }
  if (!first || (!last && dash + 1 != spec.size())) return std::nullopt;
  const int64_t end = std::min(last.value_or(std::numeric_limits<int64_t>::max()), size - 1);
  if (*first > end) return ByteRange{0, 0};
  return ByteRange{*first, end - *first + 1};
}

}  // namespace

absl::StatusOr<std::vector<ByteRange>> ParseRanges(absl::string_view header, int64_t size) {
  constexpr absl::string_view kUnit = "bytes=";
  std::vector<ByteRange> ranges;
  if (!absl::StartsWithIgnoreCase(header, kUnit)) return ranges;
  size_t asked = 0;
  int64_t left = size;
  bool too_much = false;
  for (absl::string_view spec : absl::StrSplit(header.substr(kUnit.size()), ',')) {
    spec = absl::StripAsciiWhitespace(spec);
    if (spec.empty()) continue;
    const std::optional<ByteRange> range = ParseOne(spec, size);
    if (!range || ++asked > base::kMaxRanges) return std::vector<ByteRange>();
    if (range->length > 0) ranges.push_back(*range);
    too_much = too_much || range->length > left;
    if (!too_much) left -= range->length;
  }
  if (asked > 0 && ranges.empty()) {
    return oci::MakeError(oci::ErrorCode::kBlobUploadInvalid,
                          absl::StrCat("the range ", base::Quote(header),
                                       " names no byte of this blob, which has ", size, " bytes"));
  }
  if (too_much) ranges.clear();
  return ranges;
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
                        absl::StrCat("malformed Content-Range ", base::Quote(header),
                                     ": it must be FIRST-LAST, two byte positions"));
}

}  // namespace registry::gateway
