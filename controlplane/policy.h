// Who may do what: an immutable policy, and the place that holds the current one.
//
// This first form knows administrators, who may do everything, and nobody else: any other user and
// anonymous clients may do nothing.
//
//   absl::StatusOr<Policy> policy = Policy::Create({{.name = "admin", .password_hash = hash,
//                                                    .administrator = true}});
//   PolicyHolder holder(*std::move(policy));
//   PolicySnapshot now = holder.Current();
//   Verdict verdict = now.policy->Decide(now.policy->FindUser("admin"), action);
//
// A Policy never changes, so a request that keeps its snapshot sees one policy and never a mix.
// Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_POLICY_H_
#define REGISTRY_CONTROLPLANE_POLICY_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "oci/name.h"

namespace registry::controlplane {

enum class Resource { kCatalog, kBlobs, kManifests, kTags };
enum class Verb { kGet, kHead, kPost, kPut, kPatch, kDelete };

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

struct User {
  std::string name;
  // bcrypt, see passwords.h.
  std::string password_hash;
  // May do everything.
  bool administrator = false;
  // Set by Policy::Create: differs after every change of the password. A token carries it, so that
  // such a change ends the token.
  std::string credential_version;
};

// The answer to "may this user do that?".
struct Verdict {
  bool allowed = false;
  // When not allowed: a sentence that names principal, action and repository.
  std::string reason;
};

class Policy {
 public:
  // Errors: INVALID_ARGUMENT for a malformed or repeated user name or a bad hash.
  static absl::StatusOr<Policy> Create(std::vector<User> users);

  // nullptr when there is no such user. Valid as long as the policy.
  const User* FindUser(absl::string_view name) const;

  // `user` is one of this policy, or nullptr for an anonymous client.
  Verdict Decide(const User* user, const Action& action) const;

  // Whether a token may carry the right: whether `user` could be allowed it on some tag or blob of
  // the repository. The request itself is decided later, by Decide.
  bool CouldAllow(const User* user, const oci::RepositoryName& repository,
                  TokenAction action) const;

  // A hash that no password matches and that costs as much to check as the costliest user's: with
  // it, the time of an answer does not tell whether a user exists.
  const std::string& decoy_hash() const { return decoy_hash_; }

 private:
  Policy() = default;

  absl::flat_hash_map<std::string, User> users_;
  std::string decoy_hash_;
};

// "invalid user name …" when `name` cannot be one: basic credentials need it free of colons and
// control characters, and "anonymous" stands for clients without a credential.
absl::Status ValidateUserName(absl::string_view name);

struct PolicySnapshot {
  std::shared_ptr<const Policy> policy;
  int64_t revision = 0;
};

// The current policy. Its revision begins at 1 and goes up with each replacement.
class PolicyHolder {
 public:
  using Listener = std::function<void()>;

  explicit PolicyHolder(Policy first);

  PolicyHolder(const PolicyHolder&) = delete;
  PolicyHolder& operator=(const PolicyHolder&) = delete;

  PolicySnapshot Current() const;
  int64_t revision() const;

  // Requests that begin from now on see `next`; then calls the listeners. Returns its revision.
  int64_t Replace(Policy next);

  // `listener` is called after each replacement, by the thread that replaces, and must neither
  // block nor call this holder. Returns the id for RemoveListener, after which it is not called
  // any more.
  int64_t AddListener(Listener listener);
  void RemoveListener(int64_t id);

 private:
  mutable std::mutex mutex_;
  PolicySnapshot current_ ABSL_GUARDED_BY(mutex_);

  // Held while listeners run, and never together with mutex_.
  std::mutex listeners_mutex_;
  int64_t last_listener_id_ ABSL_GUARDED_BY(listeners_mutex_) = 0;
  absl::flat_hash_map<int64_t, Listener> listeners_ ABSL_GUARDED_BY(listeners_mutex_);
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_POLICY_H_
