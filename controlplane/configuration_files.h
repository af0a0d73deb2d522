// The configuration and the pull-through caches of YAML files; policy_files.h reads those.
#ifndef REGISTRY_CONTROLPLANE_CONFIGURATION_FILES_H_
#define REGISTRY_CONTROLPLANE_CONFIGURATION_FILES_H_

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/yaml_reader.h"

namespace registry::controlplane {

// What is absent was not given, or given as the empty text.
struct Configuration {
  std::optional<std::string> data_dir;
  // HOST:PORT, not checked.
  std::optional<std::string> addr;
  std::optional<std::string> token_secret;
  // At least kMinTokenLifetime.
  std::optional<std::chrono::seconds> token_timeout;
  std::optional<bool> ui;
  std::optional<std::string> cert_file;
  std::optional<std::string> key_file;
  // A valid regular expression (RE2).
  std::optional<std::string> sparse;
  // Of what is present: the field, such as "spec.web.addr", and its "FILE:LINE".
  std::map<std::string, std::string> places;
};

// Whether both say the same, wherever it stands.
bool SameSettings(const Configuration& a, const Configuration& b);

struct PullThroughCache {
  std::string name;
  std::string url;
  std::optional<std::chrono::seconds> timeout;
  std::string username;
  std::string password;
  std::string password_file;
  std::optional<std::chrono::seconds> ttl;
  // Regular expressions (RE2).
  std::vector<std::string> scopes;
};

// Adds the `spec` of a document. Reports what is wrong, also a field that `configuration` has with
// another value.
void ReadConfiguration(const YamlValue& spec, Configuration& configuration);

// Reports what is wrong.
PullThroughCache ReadPullThroughCache(const std::string& name, const YamlValue& spec);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_CONFIGURATION_FILES_H_
