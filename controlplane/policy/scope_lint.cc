#include "controlplane/policy/scope_lint.h"

#include <re2/re2.h>

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "controlplane/policy/scope_bounds.h"

namespace registry::controlplane {
namespace {

re2::StringPiece Piece(absl::string_view text) { return {text.data(), text.size()}; }

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

}  // namespace registry::controlplane
