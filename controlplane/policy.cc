#include "controlplane/policy.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "controlplane/passwords.h"
#include "oci/error.h"

namespace registry::controlplane {
namespace {

absl::string_view VerbName(Verb verb) {
  switch (verb) {
    case Verb::kGet:
      return "GET";
    case Verb::kHead:
      return "HEAD";
    case Verb::kPost:
      return "POST";
    case Verb::kPut:
      return "PUT";
    case Verb::kPatch:
      return "PATCH";
    case Verb::kDelete:
      return "DELETE";
  }
  return "";
}

absl::string_view ResourceName(Resource resource) {
  switch (resource) {
    case Resource::kCatalog:
      return "catalog";
    case Resource::kBlobs:
      return "blobs";
    case Resource::kManifests:
      return "manifests";
    case Resource::kTags:
      return "tags";
  }
  return "";
}

// "push to repository "team/app" (PUT manifests, tag "v1")"
std::string Describe(const Action& action) {
  if (!action.repository.has_value()) return "list the repositories (GET catalog)";
  constexpr absl::string_view kPhrases[] = {"pull from", "push to", "delete from"};
  return absl::StrCat(
      kPhrases[static_cast<size_t>(TokenActionOf(action.verb))], " repository ",
      oci::Quote(action.repository->ToString()), " (", VerbName(action.verb), " ",
      ResourceName(action.resource),
      action.tag.has_value() ? absl::StrCat(", tag ", oci::Quote(action.tag->ToString())) : "",
      ")");
}

// Derived from the hash, so that replicas and restarts agree without keeping a counter. The hash
// holds 128 random bits, so this tells nothing about the password.
std::string CredentialVersion(absl::string_view password_hash) {
  base::Hasher hasher("sha256");
  hasher.Update(password_hash);
  return absl::BytesToHexString(hasher.Finish().substr(0, 8));
}

}  // namespace

TokenAction TokenActionOf(Verb verb) {
  switch (verb) {
    case Verb::kGet:
    case Verb::kHead:
      return TokenAction::kPull;
    case Verb::kDelete:
      return TokenAction::kDelete;
    default:
      return TokenAction::kPush;
  }
}

absl::string_view TokenActionName(TokenAction action) {
  switch (action) {
    case TokenAction::kPull:
      return "pull";
    case TokenAction::kPush:
      return "push";
    case TokenAction::kDelete:
      return "delete";
  }
  return "";
}

absl::StatusOr<Policy> Policy::Create(std::vector<User> users) {
  Policy policy;
  int highest_cost = users.empty() ? kBcryptCost : kMinBcryptCost;
  for (User& user : users) {
    if (absl::Status status = ValidateUserName(user.name); !status.ok()) return status;
    if (policy.FindUser(user.name) != nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("there are two users named ", oci::Quote(user.name)));
    }
    if (absl::Status status = ValidatePasswordHash(user.password_hash); !status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("user ", oci::Quote(user.name), ": ", status.message()));
    }
    highest_cost = std::max(highest_cost, BcryptCostOf(user.password_hash));
    user.credential_version = CredentialVersion(user.password_hash);
    std::string name = user.name;
    policy.users_.emplace(std::move(name), std::move(user));
  }
  policy.decoy_hash_ = MakeDecoyHash(highest_cost);
  return policy;
}

const User* Policy::FindUser(absl::string_view name) const {
  const auto found = users_.find(name);
  return found == users_.end() ? nullptr : &found->second;
}

Verdict Policy::Decide(const User* user, const Action& action) const {
  if (user == nullptr) {
    return {.allowed = false,
            .reason = absl::StrCat("anonymous clients may not ", Describe(action), ": log in")};
  }
  if (user->administrator) return {.allowed = true, .reason = ""};
  return {.allowed = false,
          .reason = absl::StrCat("user ", oci::Quote(user->name), " may not ", Describe(action),
                                 ": only an administrator may")};
}

bool Policy::CouldAllow(const User* user, const oci::RepositoryName& repository,
                        TokenAction action) const {
  constexpr Verb kVerbs[] = {Verb::kGet, Verb::kPut, Verb::kDelete};
  const Verb verb = kVerbs[static_cast<size_t>(action)];
  for (Resource resource : {Resource::kBlobs, Resource::kManifests}) {
    const Action example{
        .resource = resource, .verb = verb, .repository = repository, .tag = std::nullopt};
    if (Decide(user, example).allowed) return true;
  }
  return false;
}

PolicyHolder::PolicyHolder(Policy first)
    : current_{.policy = std::make_shared<const Policy>(std::move(first)), .revision = 1} {}

PolicySnapshot PolicyHolder::Current() const {
  std::lock_guard lock(mutex_);
  return current_;
}

int64_t PolicyHolder::revision() const {
  std::lock_guard lock(mutex_);
  return current_.revision;
}

int64_t PolicyHolder::Replace(Policy next) {
  auto policy = std::make_shared<const Policy>(std::move(next));
  int64_t revision;
  {
    std::lock_guard lock(mutex_);
    current_.policy.swap(policy);
    revision = ++current_.revision;
  }
  std::lock_guard lock(listeners_mutex_);
  for (const auto& [id, listener] : listeners_) listener();
  return revision;
}

int64_t PolicyHolder::AddListener(Listener listener) {
  std::lock_guard lock(listeners_mutex_);
  listeners_.emplace(++last_listener_id_, std::move(listener));
  return last_listener_id_;
}

void PolicyHolder::RemoveListener(int64_t id) {
  std::lock_guard lock(listeners_mutex_);
  listeners_.erase(id);
}

}  // namespace registry::controlplane
