// What an access policy is made of: users, roles, role bindings and tokens, as they are written in
// YAML files or made with the admin API. policy.h makes decisions of them.
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

// "catalog", "GET" and so on.
absl::string_view ResourceName(Resource resource);
absl::string_view VerbName(Verb verb);

// The reverse, verbs in any case; nullopt when there is none of that name.
std::optional<Resource> ParseResource(absl::string_view name);
std::optional<Verb> ParseVerb(absl::string_view name);

// The user who sends no credential.
inline constexpr absl::string_view kAnonymous = "anonymous";

// Of all objects: `origin` is "FILE:LINE", or which flag, where they were configured so; empty when
// they were made with the admin API, which may change only these.

struct User {
  std::string name;
  // bcrypt, see passwords.h. Empty: cannot log in with a password.
  std::string password_hash;
  std::set<std::string> groups;
  // Set by Policy::Create: differs after every change of the password. A token carries it, so that
  // such a change ends the token.
  std::string credential_version;
  std::string origin;
};

// Puts users into a group besides those whose `groups` name it. Files need none.
struct Group {
  std::string name;
  // Names of users; one who does not exist has no effect.
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
  // Regular expressions (RE2, unanchored) of what is asked for: a repository's name, "name:tag", or
  // nothing for the catalog.
  std::vector<std::string> scopes;
  std::string origin;
};

// Works as a bearer token, and as its user's password.
struct Token {
  std::string name;
  // HashTokenValue; the value itself is not kept.
  std::string value_hash;
  std::string user;
  // Milliseconds since the epoch; absent: it does not expire.
  std::optional<int64_t> expires_at_ms;
  // Set by Policy::Create; as that of a User, for what is issued to who came with the token.
  std::string credential_version;
  std::string origin;
};

// SHA-256 in hexadecimal digits. Without a salt, because values are long and random.
std::string HashTokenValue(absl::string_view value);

// Of names of all kinds.
inline constexpr size_t kMaxNameBytes = 255;

// "invalid user name …" when `name` cannot be one: basic credentials need it free of colons and
// control characters, and kAnonymous stands for clients without a credential.
absl::Status ValidateUserName(absl::string_view name);

// How often what was issued to a user was ended: part of the credential_versions.
struct Revocations {
  // All of it.
  int64_t all = 0;
  // What was issued for the password, because that was changed.
  int64_t passwords = 0;

  friend bool operator==(const Revocations&, const Revocations&) = default;
};

struct PolicyObjects {
  std::vector<User> users;
  std::vector<Group> groups;
  std::vector<Role> roles;
  std::vector<RoleBinding> bindings;
  std::vector<Token> tokens;
  // By user name; also of users who are gone, should another one get the name.
  std::map<std::string, Revocations> revocations;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_POLICY_OBJECTS_H_
