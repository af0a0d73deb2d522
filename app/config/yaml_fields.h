// Reads single fields of YAML files, and reports errors in them.
#ifndef REGISTRY_APP_CONFIG_YAML_FIELDS_H_
#define REGISTRY_APP_CONFIG_YAML_FIELDS_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "app/config/yaml_reader.h"

namespace registry::app {

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

}  // namespace registry::app

#endif  // REGISTRY_APP_CONFIG_YAML_FIELDS_H_
