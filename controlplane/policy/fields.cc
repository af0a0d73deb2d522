#include "controlplane/policy/fields.h"

#include <re2/re2.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "base/quote.h"
#include "base/utf8.h"
#include "controlplane/policy/objects.h"
#include "controlplane/policy/scope_bounds.h"

namespace registry::controlplane {
namespace {

re2::StringPiece Piece(absl::string_view text) { return {text.data(), text.size()}; }

}  // namespace

absl::string_view NameProblem(absl::string_view name) {
  if (name.empty()) return "is empty; give it a name";
  if (name.size() > kMaxNameBytes) return "is longer than 255 bytes; shorten it";
  return base::HasControlCharacter(name) ? "has a control character; remove it" : "";
}

std::optional<std::string> RegexProblem(absl::string_view regex) {
  const re2::RE2 compiled(Piece(regex), ScopeOptions());
  if (compiled.ok()) return std::nullopt;
  // The message ends with a piece of the expression, which may contain anything.
  constexpr size_t kMaxBytes = 200;
  return absl::CHexEscape(absl::string_view(compiled.error()).substr(0, kMaxBytes));
}

std::optional<int64_t> ParseRfc3339(absl::string_view text) {
  // absl::ParseTime accepts more than RFC 3339, such as "infinite-future".
  static const re2::RE2* const form =
      new re2::RE2(R"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d))");
  if (!re2::RE2::FullMatch(Piece(text), *form)) return std::nullopt;
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

namespace {

// Returns true if an alternative of a scope, which matches some text, matches no "repository:tag":
// it ends with $, none of its pieces can match a colon, and it begins with ^ or has a slash, so
// that it cannot match within the tag either. Sound for the pieces it knows: characters, classes
// that list what they match or exclude colons, groups and repetition. Anything else might match a
// colon.
bool AlternativeMatchesNoTag(absl::string_view alternative) {
  if (!absl::ConsumeSuffix(&alternative, "$")) return false;
  const bool anchored = absl::ConsumePrefix(&alternative, "^");
  constexpr absl::string_view kRepetition = "*+?{";
  const auto is_repeated = [&] {
    return !alternative.empty() && absl::StrContains(kRepetition, alternative.front());
  };
  // ^* and the like do not anchor the expression.
  if (is_repeated()) return false;

  int depth = 0;
  bool has_slash = false;
  while (!alternative.empty()) {
    const char c = alternative.front();
    alternative.remove_prefix(1);
    if (c == '/' && depth == 0 && !is_repeated()) has_slash = true;
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains("_-/*+?{},", c)) {
      continue;
    }
    if (c == '(') {
      // Accepts (?:…), but no flags and no named groups.
      if (absl::StartsWith(alternative, "?") && !absl::ConsumePrefix(&alternative, "?:")) {
        return false;
      }
      ++depth;
    } else if (c == ')') {
      --depth;
    } else if (c == '\\') {
      // Accepts \. and the like; \S, \pN and the like may match anything.
      if (alternative.empty() || !absl::StrContains(".-/_+", alternative.front())) return false;
      alternative.remove_prefix(1);
    } else if (c == '[') {
      static const re2::RE2* const listed =
          new re2::RE2(R"((?:(?:[a-z]-[a-z]|[A-Z]-[A-Z]|[0-9]-[0-9]|[a-zA-Z0-9._/])+-?|)"
                       R"(\^[^][\\:-]*:[^][\\:-]*)\])");
      re2::StringPiece rest = Piece(alternative);
      if (!re2::RE2::Consume(&rest, *listed)) return false;
      alternative.remove_prefix(alternative.size() - rest.size());
    } else if (c != '|') {
      return false;
    }
  }
  return anchored || has_slash;
}

bool MatchesEmptyText(absl::string_view regex) {
  return re2::RE2::PartialMatch("", re2::RE2(Piece(regex), ScopeOptions()));
}

}  // namespace

bool ScopeNeverMatchesTag(absl::string_view scope) {
  if (!re2::RE2(Piece(scope), ScopeOptions()).ok()) return false;
  const auto alternatives = AlternativesOf(scope);
  if (!alternatives.has_value()) return false;
  bool any = false;
  for (absl::string_view alternative : *alternatives) {
    // An alternative that matches empty text is for the catalog.
    if (alternative == "^$") continue;
    if (MatchesEmptyText(alternative) || !AlternativeMatchesNoTag(alternative)) return false;
    any = true;
  }
  return any;
}

bool ScopeNeverMatches(absl::string_view scope) {
  const re2::RE2 regex(Piece(scope), ScopeOptions());
  if (!regex.ok()) return false;
  const std::optional<NameRange> bounds = BoundsOf(regex);
  if (!bounds.has_value()) return false;
  // All matching texts begin with this prefix.
  const auto [first, last] = std::mismatch(bounds->first.begin(), bounds->first.end(),
                                           bounds->last.begin(), bounds->last.end());
  std::string prefix(bounds->first.begin(), first);
  prefix.resize(std::min(prefix.find(':'), prefix.size()));
  static const re2::RE2* const begins_name =
      new re2::RE2(R"((?:[a-z0-9][a-z0-9._-]*(?:/[a-z0-9][a-z0-9._-]*)*/?)?)");
  return !re2::RE2::FullMatch(prefix, *begins_name);
}

bool IsUpstreamUrl(absl::string_view url) {
  static const re2::RE2* const form = new re2::RE2(
      R"(https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?(/[A-Za-z0-9._~/-]*)?)");
  return re2::RE2::FullMatch(Piece(url), *form);
}

bool IsTokenText(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isgraph(static_cast<unsigned char>(c)); });
}

bool CheckRegex(const YamlValue& value, const std::string& text) {
  const std::optional<std::string> problem = RegexProblem(text);
  if (!problem.has_value()) return true;
  value.Error(absl::StrCat(base::Quote(text), " is not a regular expression (", *problem,
                           "); write one in RE2 syntax"));
  return false;
}

bool CheckName(const YamlValue& value, absl::string_view name) {
  const absl::string_view problem = NameProblem(name);
  if (!problem.empty()) value.Error(problem);
  return problem.empty();
}

std::vector<YamlValue> Items(const YamlValue& list, absl::string_view so) {
  std::vector<YamlValue> items = list.Items();
  if (list.present() && items.empty()) list.Warning(absl::StrCat("is empty, ", so));
  return items;
}

std::vector<std::string> ReadScopes(const std::vector<YamlValue>& items) {
  std::vector<std::string> scopes;
  for (const YamlValue& item : items) {
    std::optional<std::string> text = item.Text();
    if (!text.has_value() || !CheckRegex(item, *text)) continue;
    if (text->empty()) {
      item.Warning("is empty, which matches everything; write ^.*$ if you mean that");
    } else if (ScopeNeverMatches(*text)) {
      item.Warning(
          "matches no repository: names consist of lower-case letters, digits and ._-/, and begin "
          "with a letter or digit");
    }
    scopes.push_back(*std::move(text));
  }
  return scopes;
}

std::optional<std::string> ReadOptionalText(const YamlValue& value) {
  std::optional<std::string> text = value.Text();
  return text.has_value() && text->empty() ? std::nullopt : text;
}

std::optional<std::chrono::seconds> ReadDuration(const YamlValue& value) {
  const std::optional<std::string> text = value.Text();
  if (!text.has_value()) return std::nullopt;
  const std::optional<std::chrono::seconds> duration = ParseDuration(*text);
  if (!duration.has_value()) {
    value.Error(
        absl::StrCat(base::Quote(*text),
                     " is not a duration; write seconds, or for example 30s, 5m, 1h30m, 7d"));
  }
  return duration;
}

std::optional<int64_t> ReadByteSize(const YamlValue& value) {
  const std::optional<std::string> text = value.Text();
  if (!text.has_value()) return std::nullopt;
  const std::optional<int64_t> size = ParseByteSize(*text);
  if (!size.has_value()) {
    value.Error(absl::StrCat(base::Quote(*text),
                             " is not a size; write bytes, or for example 500M, 20G, 1T"));
  }
  return size;
}

std::optional<int> ReadLimit(const YamlValue& value) {
  const std::optional<std::string> text = value.Text();
  if (!text.has_value()) return std::nullopt;
  const std::optional<int> limit = ParseLimit(*text);
  if (!limit.has_value()) {
    value.Error(absl::StrCat(base::Quote(*text), " is not a limit; write a number up to ",
                             kMaxLimit, ", or 0 for no limit"));
  }
  return limit;
}

}  // namespace registry::controlplane
