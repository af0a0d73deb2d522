// Who may do what: an immutable policy.
//
//   absl::StatusOr<Policy> policy = Policy::Create(objects);
//   Verdict verdict = policy->Decide(policy->FindUser("alice"), action);
//
// Something is allowed when a role binding names the user or one of the user's groups, its role has
// the resource and the verb (GET implies HEAD), and one of its scopes matches what is asked for:
// "name", "name:tag" or, for the catalog, nothing. Nothing else allows, and nothing forbids.
//
// A Policy never changes; policy_holder.h holds the current one.
// Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_POLICY_H_
#define REGISTRY_CONTROLPLANE_POLICY_H_

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
#include "controlplane/policy_objects.h"
#include "controlplane/scope_bounds.h"
#include "oci/name.h"

namespace registry::controlplane {

// One thing that a request is about to do.
struct Action {
  Resource resource;
  Verb verb;
  // Present for everything but the catalog.
  std::optional<oci::RepositoryName> repository;
  // Where the request names one.
  std::optional<oci::Tag> tag;
};

// Rights in the terms of a token's scope, coarser than verbs.
enum class TokenAction { kPull, kPush, kDelete };
TokenAction TokenActionOf(Verb verb);
// "pull", "push", "delete".
absl::string_view TokenActionName(TokenAction action);

// The action in words: `push to repository "team/app" (PUT manifests, tag "v1")`.
std::string Describe(const Action& action);

// The answer to "may this user do that?".
struct Verdict {
  bool allowed = false;
  // When not allowed: a sentence that names principal, action, repository and, but for anonymous
  // clients, what comes nearest.
  std::string reason;
};

// The whole truth, for administrators.
struct Explanation {
  bool allowed = false;
  // The role binding that allows it, and its role; empty when none does.
  std::string binding;
  std::string role;
  // When not allowed: what comes nearest to allowing it.
  std::string nearest_miss;
};

// What shows who somebody is: a user's password, or a Token in its place. All that is issued for a
// credential carries its version, and ends with it.
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
  // Scopes that `previous` has, too, are not compiled again.
  static absl::StatusOr<Policy> Create(PolicyObjects objects, const Policy* previous = nullptr);

  // nullptr when there is no such user. Valid as long as the policy.
  const User* FindUser(absl::string_view name) const;

  // Who sends no credential; nullptr: the registry is private.
  const User* anonymous() const { return FindUser(kAnonymous); }

  // The token of that value, also an expired one; nullptr when there is none.
  const Token* FindToken(absl::string_view value) const;

  // The credentials of this policy: of a user's password, of a token, and of what was issued for
  // the version; nullopt when that is no user's any more. Whether it has expired is left to the
  // caller.
  UserCredential CredentialOf(const User& user) const;
  UserCredential CredentialOf(const Token& token) const;
  std::optional<UserCredential> FindCredential(absl::string_view user_name,
                                               absl::string_view version) const;

  // `user` is one of this policy, or nullptr: nobody, who may do nothing.
  Verdict Decide(const User* user, const Action& action) const;

  // The same without a reason, for filtering lists.
  bool Allows(const User* user, const Action& action) const;

  // `user` may also be made up, for example one without a name in a group.
  Explanation Explain(const User& user, const Action& action) const;

  // Whether a token may carry the right: whether `user` might be allowed it on some tag or blob of
  // the repository. True now and then when it is not: the request itself is decided later.
  bool CouldAllow(const User* user, const oci::RepositoryName& repository,
                  TokenAction action) const;

  // Whether the user may read blobs, manifests or tags of the repository as a whole, or of that
  // tag.
  bool MayRead(const User* user, const oci::RepositoryName& repository,
               const std::optional<oci::Tag>& tag = std::nullopt) const;

  // Whether the user might read some tag of the repository; MayRead with a tag knows.
  bool MightReadTags(const User* user, const oci::RepositoryName& repository) const;

  // Where the repositories can be of which the user may read anything, in order and apart from each
  // other.
  std::vector<NameRange> ReadableNames(const User* user) const;

  // A hash that no password matches and that costs as much to check as the costliest user's: with
  // it, the time of an answer does not tell whether a user exists.
  const std::string& decoy_hash() const { return decoy_hash_; }

 private:
  struct Scope {
    explicit Scope(const std::string& text)
        : expression(text, ScopeOptions()),
          bounds(expression.ok() ? BoundsOf(expression) : std::nullopt) {}
    const re2::RE2 expression;
    const std::optional<NameRange> bounds;
  };
  // By their texts.
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

  // Whether a scope matches the repository's name, or might match it with some tag.
  static bool CouldMatch(const Grant& grant, const oci::RepositoryName& repository);

  // Calls `visit` for the grants of the user until it returns true. Whether it did.
  template <class Visit>
  bool AnyGrant(const User& user, Visit visit) const;

  // The first grant that allows it; nullptr when none does.
  const Grant* FindGrant(const User& user, const Action& action, const std::string& target) const;
  std::string NearestMiss(const User& user, const Action& action, const std::string& target) const;

  absl::flat_hash_map<std::string, User> users_;
  Scopes scopes_;
  std::vector<std::unique_ptr<const Grant>> grants_;
  absl::flat_hash_map<std::string, std::vector<const Grant*>> grants_of_user_;
  absl::flat_hash_map<std::string, std::vector<const Grant*>> grants_of_group_;
  // By the hashes of their values, so that looking one up takes the same time for every guess.
  absl::node_hash_map<std::string, Token> tokens_;
  absl::flat_hash_map<std::string, const Token*> tokens_by_version_;
  std::string decoy_hash_;
};

// The objects of a registry with one administrator and nobody else.
PolicyObjects AdministratorOnly(absl::string_view name, absl::string_view password_hash);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_POLICY_H_
