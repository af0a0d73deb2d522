// Immutable access policy: decides which user may do what.
//
//   absl::StatusOr<Policy> policy = Policy::Create(objects);
//   Verdict verdict = policy->Decide(policy->FindUser("alice"), action);
//
// The policy allows an action if a role binding names the user or one of the user's groups, its
// role has the resource and the verb (GET implies HEAD), and one of its scopes matches the target:
// "name", "name:tag" or, for the catalog, empty text. Nothing else allows, and nothing forbids.
//
// A Policy never changes; holder.h holds the current one.
// Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_POLICY_POLICY_H_
#define REGISTRY_CONTROLPLANE_POLICY_POLICY_H_

#include <re2/re2.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/node_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "controlplane/policy/objects.h"
#include "controlplane/policy/scope_bounds.h"
#include "oci/name.h"

namespace registry::controlplane {

// One operation that a request needs permission for.
struct Action {
  Resource resource;
  Verb verb;
  // Absent only for the catalog.
  std::optional<oci::RepositoryName> repository;
  // Present if the request names a tag.
  std::optional<oci::Tag> tag;
};

// The actions of token scopes; coarser than verbs.
enum class TokenAction { kPull, kPush, kDelete };
TokenAction TokenActionOf(Verb verb);
// "pull", "push", "delete".
absl::string_view TokenActionName(TokenAction action);

// The action in words: `push to repository "team/app" (PUT manifests, tag "v1")`.
std::string Describe(const Action& action);

// The answer to "may this user do that?".
struct Verdict {
  bool allowed = false;
  // If denied: a sentence that names the principal, the action and the repository. Except for
  // anonymous clients, it also names the binding that comes nearest.
  std::string reason;
};

// A decision with all details, for administrators.
struct Explanation {
  bool allowed = false;
  // The role binding that allows it, and its role; empty if none does.
  std::string binding;
  std::string role;
  // If denied: the binding that comes nearest to allowing it, and why it does not.
  std::string nearest_miss;
};

// A user's password, or a Token in its place. All tokens issued for a credential carry its version;
// they end when the version changes.
struct UserCredential {
  const User* user = nullptr;
  std::string version;
  // Milliseconds since the epoch; absent: it does not expire.
  std::optional<int64_t> expires_at_ms;
};

class Policy {
 public:
  // Errors: INVALID_ARGUMENT for a malformed or repeated name, a bad hash, a binding to a role that
  // does not exist, a malformed scope, a token of an unknown user.
  // Reuses compiled scopes of `previous`.
  static absl::StatusOr<Policy> Create(PolicyObjects objects, const Policy* previous = nullptr);

  // nullptr if there is no such user. Valid as long as the policy.
  const User* FindUser(absl::string_view name) const;

  // The user for clients that send no credentials; nullptr if the registry is private.
  const User* anonymous() const { return FindUser(kAnonymous); }

  // The token with that value, even if expired; nullptr if there is none.
  const Token* FindToken(absl::string_view value) const;

  // The credential of a user's password, of a token, or with the version that an issued token
  // carries; nullopt if no user has that version any more. The caller checks for expiry.
  UserCredential CredentialOf(const User& user) const;
  UserCredential CredentialOf(const Token& token) const;
  std::optional<UserCredential> FindCredential(absl::string_view user_name,
                                               absl::string_view version) const;

  // `user` belongs to this policy; nullptr is denied everything.
  Verdict Decide(const User* user, const Action& action) const;

  // Same decision without a reason, to filter lists.
  bool Allows(const User* user, const Action& action) const;

  // `user` need not exist in the policy; it may be, for example, a nameless user in a group.
  Explanation Explain(const User& user, const Action& action) const;

  // Returns true if a token may carry the right: if the policy may allow it to `user` on some tag
  // or blob of the repository. Errs towards true: the policy decides each request again.
  bool CouldAllow(const User* user, const oci::RepositoryName& repository,
                  TokenAction action) const;

  // Returns true if the user may read blobs, manifests or tags of the whole repository, or of that
  // tag.
  bool MayRead(const User* user, const oci::RepositoryName& repository,
               const std::optional<oci::Tag>& tag = std::nullopt) const;

  // Returns true if the user might read some tag of the repository; MayRead decides per tag.
  bool MightReadTags(const User* user, const oci::RepositoryName& repository) const;

  // Sorted, disjoint ranges that contain the name of every repository in which the user may read
  // anything.
  std::vector<NameRange> ReadableNames(const User* user) const;

  // A hash that no password matches and that costs as much to check as the costliest user's hash.
  // Checking it hides from response times whether a user exists.
  const std::string& decoy_hash() const { return decoy_hash_; }

 private:
  struct Scope {
    explicit Scope(const std::string& text)
        : expression(text, ScopeOptions()),
          bounds(expression.ok() ? BoundsOf(expression) : std::nullopt) {}
    const re2::RE2 expression;
    const std::optional<NameRange> bounds;
  };
  // Keyed by their text.
  using Scopes = absl::flat_hash_map<std::string, std::shared_ptr<const Scope>>;
  // A binding with its role.
  struct Grant {
    std::string binding;
    std::string role;
    std::set<Resource> resources;
    std::set<Verb> verbs;
    std::vector<const Scope*> scopes;

    bool Has(Resource resource, Verb verb) const;
    bool Matches(const std::string& target) const;
  };

  Policy() = default;

  absl::Status AddUsers(std::vector<User> users,
                        const std::map<std::string, Revocations>& revocations);
  absl::Status AddGroups(const std::vector<Group>& groups);
  absl::Status AddBindings(const std::vector<Role>& roles, const std::vector<RoleBinding>& bindings,
                           const Scopes& compiled);
  absl::Status AddTokens(std::vector<Token> tokens,
                         const std::map<std::string, Revocations>& revocations);

  // Returns true if a scope matches the repository's name, or might match it with some tag.
  static bool CouldMatch(const Grant& grant, const oci::RepositoryName& repository);

  // Calls `visit` with the user's grants until it returns true. Returns true if it did.
  template <class Visit>
  bool AnyGrant(const User& user, Visit visit) const;

  // The first grant that allows it; nullptr if none does.
  const Grant* FindGrant(const User& user, const Action& action, const std::string& target) const;
  std::string NearestMiss(const User& user, const Action& action, const std::string& target) const;

  absl::flat_hash_map<std::string, User> users_;
  Scopes scopes_;
  std::vector<std::unique_ptr<const Grant>> grants_;
  absl::flat_hash_map<std::string, std::vector<const Grant*>> grants_of_user_;
  absl::flat_hash_map<std::string, std::vector<const Grant*>> grants_of_group_;
  // Keyed by hashes of values, so that look-ups take the same time for every guess.
  absl::node_hash_map<std::string, Token> tokens_;
  absl::flat_hash_map<std::string, const Token*> tokens_by_version_;
  std::string decoy_hash_;
};

// The objects of a registry whose only user is an administrator.
PolicyObjects AdministratorOnly(absl::string_view name, absl::string_view password_hash);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_POLICY_POLICY_H_
