#include "app/config/values.h"

#include <re2/re2.h>

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/time/time.h"

namespace registry::app {

std::optional<int64_t> ParseRfc3339(absl::string_view text) {
  // absl::ParseTime accepts more than RFC 3339, such as "infinite-future".
  static const re2::RE2* const form =
      new re2::RE2(R"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d))");
  if (!re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *form)) return std::nullopt;
  absl::Time time;
  std::string why;
  if (!absl::ParseTime(absl::RFC3339_full, absl::AsciiStrToUpper(text), &time, &why)) {
    return std::nullopt;
  }
  return absl::ToUnixMillis(time);
}

std::optional<int> ParseLimit(absl::string_view text) {
  int value = 0;
  if (!absl::SimpleAtoi(text, &value) || value < 0 || value > kMaxLimit) return std::nullopt;
  return value;
}

std::optional<std::chrono::seconds> ParseDuration(absl::string_view text) {
  constexpr int64_t kMax = int64_t{3650} * 24 * 3600;
  constexpr std::pair<char, int64_t> kUnits[] = {
      {'d', 24 * 3600}, {'h', 3600}, {'m', 60}, {'s', 1}};
  const auto take_number = [&]() -> std::optional<int64_t> {
    const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    int64_t number;
    if (!absl::SimpleAtoi(text.substr(0, digits), &number) || number > kMax) return std::nullopt;
    text.remove_prefix(digits);
    return number;
  };

  int64_t total = 0;
  const auto* unit = std::begin(kUnits);
  do {
    const std::optional<int64_t> number = take_number();
    if (!number.has_value()) return std::nullopt;
    if (text.empty() && unit == std::begin(kUnits)) return std::chrono::seconds(*number);
    unit = std::find_if(unit, std::end(kUnits), [&](const auto& candidate) {
      return !text.empty() && candidate.first == text.front();
    });
    if (unit == std::end(kUnits)) return std::nullopt;
    text.remove_prefix(1);
    total += *number * unit->second;  // at most kMax times a day: no overflow
    ++unit;
  } while (!text.empty());
  return total > kMax ? std::nullopt : std::optional(std::chrono::seconds(total));
}

std::optional<int64_t> ParseByteSize(absl::string_view text) {
  constexpr int64_t kMax = int64_t{1} << 62;
  constexpr absl::string_view kSuffixes = "KMGT";
  int shift = 0;
  if (!text.empty()) {
    if (const size_t suffix = kSuffixes.find(text.back()); suffix != absl::string_view::npos) {
      shift = 10 * static_cast<int>(suffix + 1);
      text.remove_suffix(1);
    }
  }
  // SimpleAtoi would accept spaces and a sign.
  int64_t number;
  if (text.find_first_not_of("0123456789") != absl::string_view::npos ||
      !absl::SimpleAtoi(text, &number) || number > (kMax >> shift)) {
    return std::nullopt;
  }
  return number << shift;
}

}  // namespace registry::app
