// The objects of an access policy: users, groups, roles, role bindings and tokens, as YAML files or
// the admin API define them. policy.h decides by them.
//
// Plain data; names and references are validated by Policy::Create.
// Source: the manifests of the API version simple-registry.jlsalvador.online/v1beta1.
#ifndef REGISTRY_CONTROLPLANE_POLICY_OBJECTS_H_
#define REGISTRY_CONTROLPLANE_POLICY_OBJECTS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace registry::controlplane {

enum class Resource { kCatalog, kBlobs, kManifests, kTags };
enum class Verb { kGet, kHead, kPost, kPut, kPatch, kDelete };

inline constexpr Resource kAllResources[] = {Resource::kCatalog, Resource::kBlobs,
                                             Resource::kManifests, Resource::kTags};
inline constexpr Verb kAllVerbs[] = {Verb::kGet, Verb::kHead,  Verb::kPost,
                                     Verb::kPut, Verb::kPatch, Verb::kDelete};

// "catalog", "GET", etc.
absl::string_view ResourceName(Resource resource);
absl::string_view VerbName(Verb verb);

// The reverse, with verbs in any case; nullopt if the name is unknown.
std::optional<Resource> ParseResource(absl::string_view name);
std::optional<Verb> ParseVerb(absl::string_view name);

// The user that stands for clients without credentials.
inline constexpr absl::string_view kAnonymous = "anonymous";

// In all objects, `origin` is the "FILE:LINE" or the flag that configured the object. It is empty
// for objects made with the admin API, which may change only these.

struct User {
  std::string name;
  // bcrypt, see passwords.h. If empty, the user cannot log in with a password.
  std::string password_hash;
  std::set<std::string> groups;
  // Set by Policy::Create; changes with the password. Issued tokens carry it, so that a change of
  // the password ends them.
  std::string credential_version;
  std::string origin;
};

// Adds members to a group, besides the users whose `groups` name it. Files do not define Groups.
struct Group {
  std::string name;
  // Names of users; unknown ones have no effect.
  std::set<std::string> members;
  std::string origin;
};

struct Role {
  std::string name;
  std::set<Resource> resources;
  // GET implies HEAD.
  std::set<Verb> verbs;
  std::string origin;
};

struct Subject {
  enum class Kind { kUser, kGroup };
  Kind kind;
  std::string name;

  friend bool operator==(const Subject&, const Subject&) = default;
};

struct RoleBinding {
  std::string name;
  std::vector<Subject> subjects;
  // The name of a Role.
  std::string role;
  // Regular expressions (RE2, unanchored) for targets: a repository's name, "name:tag", or empty
  // text for the catalog.
  std::vector<std::string> scopes;
  std::string origin;
};

// A static token: works as a bearer token, and as its user's password.
struct Token {
  std::string name;
  // HashTokenValue; the registry does not keep the value itself.
  std::string value_hash;
  std::string user;
  // Milliseconds since the epoch; absent: it does not expire.
  std::optional<int64_t> expires_at_ms;
  // Set by Policy::Create; like a User's, for bearer tokens issued to clients that log in with
  // this.
  std::string credential_version;
  std::string origin;
};

// SHA-256 in hexadecimal digits. Without a salt, because values are long and random.
std::string HashTokenValue(absl::string_view value);

// Shorter token values could be guessed.
inline constexpr size_t kMinTokenValueBytes = 16;

// Returns true if a header can carry the token's value.
bool IsTokenText(absl::string_view text);

// For names of all kinds.
inline constexpr size_t kMaxNameBytes = 255;

// Says why `name` is not a valid name for a role, binding, token or group, and what to do; empty if
// it is valid. For users: ValidateUserName.
absl::string_view NameProblem(absl::string_view name);

// Error: "invalid user name …". Basic credentials require names without colons and control
// characters; kAnonymous is valid and stands for clients without credentials.
absl::Status ValidateUserName(absl::string_view name);

// Counts revocations of tokens issued to a user; part of the credential_versions.
struct Revocations {
  // Revocations of all tokens.
  int64_t all = 0;
  // Revocations of tokens issued for the password: one per change of the password.
  int64_t passwords = 0;

  friend bool operator==(const Revocations&, const Revocations&) = default;
};

struct PolicyObjects {
  std::vector<User> users;
  std::vector<Group> groups;
  std::vector<Role> roles;
  std::vector<RoleBinding> bindings;
  std::vector<Token> tokens;
  // By user name. Keeps deleted users too, in case another user gets the name.
  std::map<std::string, Revocations> revocations;
};

// What files or flags configure, in contrast to objects made with the admin API.
struct ConfiguredPolicy {
  // Each has an origin.
  PolicyObjects objects;
  // By user name: passwords of users who have no hash in `objects`.
  std::map<std::string, std::string> passwords;
  // About valid but suspicious settings, for people.
  std::vector<std::string> warnings;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_POLICY_OBJECTS_H_
