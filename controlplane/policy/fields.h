// Validates and reads single fields of the configuration and of an access policy.
#ifndef REGISTRY_CONTROLPLANE_POLICY_FIELDS_H_
#define REGISTRY_CONTROLPLANE_POLICY_FIELDS_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "controlplane/policy/yaml_reader.h"

namespace registry::controlplane {

// Says why `name` is not a valid name for a role, binding, token or group, and what to do; empty if
// it is valid. For users: ValidateUserName.
absl::string_view NameProblem(absl::string_view name);

// Says why RE2 rejects the expression; nullopt if it is valid.
std::optional<std::string> RegexProblem(absl::string_view regex);

// "2026-01-31T12:00:00Z" in milliseconds since the epoch; nullopt for anything but RFC 3339.
std::optional<int64_t> ParseRfc3339(absl::string_view text);

// "90", "90s", "5m", "1h30m", "30d": whole days, hours, minutes and seconds, each at most once and
// in this order; a bare number is seconds. nullopt for anything else, or more than ten years.
std::optional<std::chrono::seconds> ParseDuration(absl::string_view text);

// "1048576", "512K", "20G": bytes, or KiB, MiB, GiB, TiB with one of the suffixes K, M, G, T.
// nullopt for anything else, or more than 2^62 bytes.
std::optional<int64_t> ParseByteSize(absl::string_view text);
// A limit, such as on requests per second: 0 (no limit) to kMaxLimit. nullopt for anything else.
inline constexpr int kMaxLimit = 1'000'000;
std::optional<int> ParseLimit(absl::string_view text);

// Returns true if a scope matches repositories but certainly no "repository:tag", as ^team/app$
// does. When in doubt, false.
bool ScopeNeverMatchesTag(absl::string_view scope);

// Returns true if a scope certainly matches neither a repository nor the catalog, as ^TEAM/.+$
// does: names are lower case. When in doubt, false.
bool ScopeNeverMatches(absl::string_view scope);

// Returns true for http(s)://HOST[:PORT][/PATH] without a user, a query or a fragment.
bool IsUpstreamUrl(absl::string_view url);

// Returns true if a header can carry the token's value.
bool IsTokenText(absl::string_view text);

// The following read values of YAML files and report errors in them.

bool CheckRegex(const YamlValue& value, const std::string& text);
bool CheckName(const YamlValue& value, absl::string_view name);

// The elements of a list. Warns of an empty list: "is empty, SO".
std::vector<YamlValue> Items(const YamlValue& list, absl::string_view so);
// The valid regular expressions among `items`.
std::vector<std::string> ReadScopes(const std::vector<YamlValue>& items);
// Reads text; nullopt if it is absent or empty.
std::optional<std::string> ReadOptionalText(const YamlValue& value);
std::optional<std::chrono::seconds> ReadDuration(const YamlValue& value);
std::optional<int64_t> ReadByteSize(const YamlValue& value);
std::optional<int> ReadLimit(const YamlValue& value);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_POLICY_FIELDS_H_
