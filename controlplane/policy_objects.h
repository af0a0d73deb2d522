// What an access policy is made of: users, roles, role bindings and tokens, as they are written in
// YAML files or made with the admin API. policy.h makes decisions of them.
//
// Plain data; names and references are validated by Policy::Create.
// Source: the manifests of the API version simple-registry.jlsalvador.online/v1beta1.
#ifndef REGISTRY_CONTROLPLANE_POLICY_OBJECTS_H_
#define REGISTRY_CONTROLPLANE_POLICY_OBJECTS_H_

#include <cstdint>
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

struct User {
  std::string name;
  // bcrypt, see passwords.h. Empty: cannot log in with a password.
  std::string password_hash;
  std::set<std::string> groups;
  // Set by Policy::Create: differs after every change of the password. A token carries it, so that
  // such a change ends the token.
  std::string credential_version;
};

struct Role {
  std::string name;
  std::set<Resource> resources;
  // GET implies HEAD.
  std::set<Verb> verbs;
};

struct Subject {
  enum class Kind { kUser, kGroup };
  Kind kind;
  std::string name;
};

struct RoleBinding {
  std::string name;
  std::vector<Subject> subjects;
  // The name of a Role.
  std::string role;
  // Regular expressions (RE2, unanchored) of what is asked for: a repository's name, "name:tag", or
  // nothing for the catalog.
  std::vector<std::string> scopes;
};

// Works as a bearer token, and as its user's password.
struct Token {
  std::string name;
  std::string value;
  std::string user;
  // Milliseconds since the epoch; absent: it does not expire.
  std::optional<int64_t> expires_at_ms;
};

// "invalid user name …" when `name` cannot be one: basic credentials need it free of colons and
// control characters, and kAnonymous stands for clients without a credential.
absl::Status ValidateUserName(absl::string_view name);

struct PolicyObjects {
  std::vector<User> users;
  std::vector<Role> roles;
  std::vector<RoleBinding> bindings;
  std::vector<Token> tokens;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_POLICY_OBJECTS_H_
