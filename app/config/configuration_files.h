// Reads the documents Configuration and PullThroughCache of YAML files, for files.h.
#ifndef REGISTRY_APP_CONFIG_CONFIGURATION_FILES_H_
#define REGISTRY_APP_CONFIG_CONFIGURATION_FILES_H_

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "app/config/host_port.h"
#include "app/config/yaml_reader.h"

namespace registry::app {

// Absent fields are not given, or given as empty text.
struct Configuration {
  std::optional<std::string> data_dir;
  // A PostgreSQL URL.
  std::optional<std::string> database;
  std::optional<HostPort> addr;
  // The registry's URL for clients: a result of http::ParsePublicUrl.
  std::optional<std::string> public_url;
  std::optional<std::string> token_secret;
  // At least controlplane::kMinTokenLifetime.
  std::optional<std::chrono::seconds> token_timeout;
  std::optional<bool> ui;
  // 0: no limit.
  std::optional<int> client_connections;
  std::optional<int> client_requests;
  std::optional<int> user_requests;
  std::optional<std::string> cert_file;
  std::optional<std::string> key_file;
  // At most base::kMaxShutdownTime.
  std::optional<std::chrono::seconds> shutdown_delay;
  std::optional<std::chrono::seconds> drain_timeout;
  // A valid regular expression (RE2).
  std::optional<std::string> sparse;
  // Limits on the bytes of unfinished uploads, of all users and of each user; 0: no limit.
  std::optional<int64_t> upload_limit;
  std::optional<int64_t> upload_limit_user;
  // The "FILE:LINE" of each field that is present, such as "spec.web.addr".
  std::map<std::string, std::string> places;
};

// Returns true if both have the same settings, ignoring places.
bool SameSettings(const Configuration& a, const Configuration& b);

// Says that the files give a certificate without its key or a key without its certificate, which
// `serve` refuses unless a flag gives the other. Empty if they do not.
std::string HalfCertificate(const Configuration& configuration);

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

// Adds the `spec` of a document to `configuration`. Reports mistakes, including a field that
// `configuration` already has with another value.
void ReadConfiguration(const YamlValue& spec, Configuration& configuration);

// Reports mistakes.
PullThroughCache ReadPullThroughCache(const std::string& name, const YamlValue& spec);

}  // namespace registry::app

#endif  // REGISTRY_APP_CONFIG_CONFIGURATION_FILES_H_
