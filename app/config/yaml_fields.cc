#include "app/config/yaml_fields.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "app/config/values.h"
#include "base/quote.h"
#include "controlplane/policy/objects.h"
#include "controlplane/policy/scope_bounds.h"
#include "controlplane/policy/scope_lint.h"

namespace registry::app {

bool CheckRegex(const YamlValue& value, const std::string& text) {
  const std::optional<std::string> problem = controlplane::RegexProblem(text);
  if (!problem.has_value()) return true;
  value.Error(absl::StrCat(base::Quote(text), " is not a regular expression (", *problem,
                           "); write one in RE2 syntax"));
  return false;
}

bool CheckName(const YamlValue& value, absl::string_view name) {
  const absl::string_view problem = controlplane::NameProblem(name);
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
    } else if (controlplane::ScopeNeverMatches(*text)) {
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

}  // namespace registry::app
