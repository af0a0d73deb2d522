// Configuration and access policy from YAML files, strictly: whatever the files hold that would
// have no effect is an error, because an access rule that is silently ignored is one nobody made.
//
//   absl::StatusOr<std::vector<SourceFile>> files = ReadFolders({"/etc/simple-registry"});
//   absl::StatusOr<LoadedFiles> loaded = ParseFiles(*files);
//
// Messages never show a secret: password hashes, passwords, token values, the token secret.
#ifndef REGISTRY_CONTROLPLANE_POLICY_FILES_H_
#define REGISTRY_CONTROLPLANE_POLICY_FILES_H_

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "controlplane/policy_objects.h"

namespace registry::controlplane {

// What every document begins with.
inline constexpr absl::string_view kApiVersion = "simple-registry.jlsalvador.online/v1beta1";

// A shorter token timeout is raised to this: clients take such tokens to live 60 s (Docker's token
// specification).
inline constexpr std::chrono::seconds kMinTokenTimeout{60};
// Shorter values of tokens could be guessed.
inline constexpr size_t kMinTokenValueBytes = 16;

struct SourceFile {
  std::string path;
  std::string content;
};

// All *.yaml and *.yml in the folders, the extension in any case: folder by folder, in the order of
// the bytes of their names. Folders in them are left out.
//
// Error: INVALID_ARGUMENT that names what cannot be read or is beyond base/limits.h.
absl::StatusOr<std::vector<SourceFile>> ReadFolders(const std::vector<std::string>& folders);

// What is absent was not given, or given as the empty text.
struct Configuration {
  std::optional<std::string> data_dir;
  // HOST:PORT, not checked.
  std::optional<std::string> addr;
  std::optional<std::string> token_secret;
  // At least kMinTokenTimeout.
  std::optional<std::chrono::seconds> token_timeout;
  std::optional<bool> ui;
  std::optional<std::string> cert_file;
  std::optional<std::string> key_file;
  // A valid regular expression (RE2).
  std::optional<std::string> sparse;
  // Of what is present: the field, such as "spec.web.addr", and its "FILE:LINE".
  std::map<std::string, std::string> places;
};

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

struct LoadedFiles {
  PolicyObjects objects;
  Configuration configuration;
  std::vector<PullThroughCache> caches;
  // What is allowed but hardly meant, "FILE:LINE: FIELD: what".
  std::vector<std::string> warnings;
};

// Error: INVALID_ARGUMENT with everything that is wrong, "FILE:LINE: FIELD: what; remedy" a line
// (see yaml_reader.h).
absl::StatusOr<LoadedFiles> ParseFiles(absl::Span<const SourceFile> files);

// "90", "90s", "5m", "1h30m", "30d": whole days, hours, minutes and seconds, each at most once and
// in this order; a bare number is seconds. nullopt for anything else and beyond ten years.
std::optional<std::chrono::seconds> ParseDuration(absl::string_view text);

// Whether a scope matches repositories but certainly no "repository:tag", as ^team/app$ does. When
// in doubt, false.
bool ScopeNeverMatchesTag(absl::string_view scope);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_POLICY_FILES_H_
