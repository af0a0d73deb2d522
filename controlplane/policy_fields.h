// What single fields of the configuration and of an access policy may hold, and reading them.
#ifndef REGISTRY_CONTROLPLANE_POLICY_FIELDS_H_
#define REGISTRY_CONTROLPLANE_POLICY_FIELDS_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "controlplane/yaml_reader.h"

namespace registry::controlplane {

// Why `name` is none for a role, a binding, a token or a group, and what to do; empty when it is
// one. Users: ValidateUserName.
absl::string_view NameProblem(absl::string_view name);

// Why RE2 does not take the expression; nullopt when it does.
std::optional<std::string> RegexProblem(absl::string_view regex);

// "2026-01-31T12:00:00Z" in milliseconds since the epoch; nullopt for anything but RFC 3339.
std::optional<int64_t> ParseRfc3339(absl::string_view text);

// "90", "90s", "5m", "1h30m", "30d": whole days, hours, minutes and seconds, each at most once and
// in this order; a bare number is seconds. nullopt for anything else and beyond ten years.
std::optional<std::chrono::seconds> ParseDuration(absl::string_view text);

// Whether a scope matches repositories but certainly no "repository:tag", as ^team/app$ does. When
// in doubt, false.
bool ScopeNeverMatchesTag(absl::string_view scope);

// Whether a scope certainly matches neither a repository nor the catalog, as ^TEAM/.+$ does: names
// are lower case. When in doubt, false.
bool ScopeNeverMatches(absl::string_view scope);

// Whether it is http(s)://HOST[:PORT][/PATH], without a user, a query or a fragment.
bool IsUpstreamUrl(absl::string_view url);

// Whether the value of a token can stand in a header.
bool IsTokenText(absl::string_view text);

// The following read values of YAML files, and report those that are wrong.

bool CheckRegex(const YamlValue& value, const std::string& text);
bool CheckName(const YamlValue& value, absl::string_view name);

// The elements of a list, with a warning when there are none: "is empty, SO".
std::vector<YamlValue> Items(const YamlValue& list, absl::string_view so);
// The valid ones of expressions.
std::vector<std::string> ReadScopes(const std::vector<YamlValue>& items);
// Text that may be empty, which is as if it were not given.
std::optional<std::string> ReadOptionalText(const YamlValue& value);
std::optional<std::chrono::seconds> ReadDuration(const YamlValue& value);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_POLICY_FIELDS_H_
