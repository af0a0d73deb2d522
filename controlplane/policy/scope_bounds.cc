#include "controlplane/policy/scope_bounds.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "base/limits.h"

namespace registry::controlplane {

std::optional<std::vector<absl::string_view>> AlternativesOf(absl::string_view pattern) {
  std::vector<absl::string_view> alternatives;
  size_t begin = 0;
  int depth = 0;
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\') {
      ++i;
      // Text between \Q and \E is literal: not worth parsing.
      if (i < pattern.size() && pattern[i] == 'Q') return std::nullopt;
    } else if (in_class) {
      // A class within a class, such as [[:alpha:]]: not worth parsing either.
      if (c == '[') return std::nullopt;
      in_class = c != ']';
    } else if (c == '[') {
      in_class = true;
      // A leading bracket is a member of the class.
      if (absl::StartsWith(pattern.substr(i + 1), "^")) ++i;
      if (absl::StartsWith(pattern.substr(i + 1), "]")) ++i;
    } else if (c == '(') {
      ++depth;
    } else if (c == ')') {
      --depth;
    } else if (c == '|' && depth == 0) {
      alternatives.push_back(pattern.substr(begin, i - begin));
      begin = i + 1;
    }
  }
  alternatives.push_back(pattern.substr(begin));
  return alternatives;
}

const re2::RE2::Options& ScopeOptions() {
  static const re2::RE2::Options* const options = [] {
    auto* made = new re2::RE2::Options(re2::RE2::Quiet);
    made->set_max_mem(base::kMaxScopeMemoryBytes);
    return made;
  }();
  return *options;
}

std::optional<std::string> RegexProblem(absl::string_view regex) {
  const re2::RE2 compiled(re2::StringPiece(regex.data(), regex.size()), ScopeOptions());
  if (compiled.ok()) return std::nullopt;
  // The message ends with a piece of the expression, which may contain anything.
  constexpr size_t kMaxBytes = 200;
  return absl::CHexEscape(absl::string_view(compiled.error()).substr(0, kMaxBytes));
}

std::optional<NameRange> BoundsOf(const re2::RE2& expression) {
  const absl::string_view pattern = expression.pattern();
  // RE2 bounds the matched part. It begins where the text begins only if an anchor applies to the
  // whole expression.
  const std::optional<std::vector<absl::string_view>> alternatives = AlternativesOf(pattern);
  if (!absl::StartsWith(pattern, "^") || !alternatives || alternatives->size() > 1) {
    return std::nullopt;
  }
  // `^*` and the like are not anchors.
  if (pattern.size() > 1 && absl::StrContains("*+?{", pattern[1])) return std::nullopt;
  NameRange bounds;
  // Longer than any name.
  constexpr int kMaxPrefix = 300;
  if (!expression.PossibleMatchRange(&bounds.first, &bounds.last, kMaxPrefix)) return std::nullopt;
  // RE2 returns arbitrary bytes; names are printable ASCII. Cutting there only widens both bounds.
  const auto printable = [](const std::string& text) {
    const auto end = std::find_if(text.begin(), text.end(),
                                  [](unsigned char c) { return c <= ' ' || c >= 0x7f; });
    return static_cast<size_t>(end - text.begin());
  };
  bounds.first.resize(printable(bounds.first));
  const size_t size = printable(bounds.last);
  const bool whole = size == bounds.last.size();
  bounds.last.resize(size);
  if (absl::EndsWith(pattern, "$") && !absl::EndsWith(pattern, "\\$")) {
    if (!whole) bounds.last += '\x7f';
    return bounds;
  }
  // Without an anchor at the end, any text may follow the match, and the match may be as short as
  // the common prefix of both bounds.
  const auto differ = std::mismatch(bounds.first.begin(), bounds.first.end(), bounds.last.begin(),
                                    bounds.last.end());
  bounds.last.erase(differ.second, bounds.last.end());
  bounds.last += '\x7f';
  return bounds;
}

void AddNamesWithin(const NameRange& bounds, std::vector<NameRange>& ranges) {
  ranges.push_back(bounds);
  // The first bound begins with such a name; the next character of the bound is a colon or less.
  for (size_t size = 1; size < bounds.first.size(); ++size) {
    if (bounds.first[size] > ':') continue;
    const std::string name = bounds.first.substr(0, size);
    ranges.push_back({.first = name, .last = name});
  }
}

std::vector<NameRange> MergeRanges(std::vector<NameRange> ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const NameRange& a, const NameRange& b) { return a.first < b.first; });
  std::vector<NameRange> merged;
  for (NameRange& range : ranges) {
    if (!merged.empty() && range.first <= merged.back().last) {
      merged.back().last = std::max(merged.back().last, range.last);
    } else {
      merged.push_back(std::move(range));
    }
  }
  return merged;
}

bool MayBeginWith(const NameRange& bounds, absl::string_view prefix) {
  std::string end(prefix);
  ++end.back();
  return bounds.first < end && bounds.last >= prefix;
}

}  // namespace registry::controlplane
