#include "controlplane/policy/policy.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/quote.h"
#include "controlplane/passwords.h"

namespace registry::controlplane {

std::string Describe(const Action& action) {
  if (!action.repository.has_value()) return "list the repositories (GET catalog)";
  constexpr absl::string_view kPhrases[] = {"pull from", "push to", "delete from"};
  return absl::StrCat(
      kPhrases[static_cast<size_t>(TokenActionOf(action.verb))], " repository ",
      base::Quote(action.repository->ToString()), " (", VerbName(action.verb), " ",
      ResourceName(action.resource),
      action.tag.has_value() ? absl::StrCat(", tag ", base::Quote(action.tag->ToString())) : "",
      ")");
}

namespace {

// The text that scopes are matched against.
std::string TargetOf(const Action& action) {
  if (!action.repository.has_value()) return "";
  return action.tag.has_value()
             ? absl::StrCat(action.repository->ToString(), ":", action.tag->ToString())
             : action.repository->ToString();
}

bool Matches(const re2::RE2& expression, absl::string_view text) {
  return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), expression);
}

Revocations RevocationsOf(const std::string& user,
                          const std::map<std::string, Revocations>& revocations) {
  const auto found = revocations.find(user);
  return found == revocations.end() ? Revocations() : found->second;
}

// Derived from the hash of a password or token, so that replicas and restarts agree. The hash has
// at least 128 random bits, so the version reveals nothing about the secret.
std::string CredentialVersion(absl::string_view hash, int64_t revocations) {
  base::Hasher hasher("sha256");
  hasher.Update(absl::StrCat(hash, " ", revocations));
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

PolicyObjects AdministratorOnly(absl::string_view name, absl::string_view password_hash) {
  PolicyObjects objects;
  constexpr char kOrigin[] = "the admin flags of serve";
  objects.users.push_back(
      {.name = std::string(name), .password_hash = std::string(password_hash), .origin = kOrigin});
  objects.roles.push_back({.name = "administrator",
                           .resources = {std::begin(kAllResources), std::end(kAllResources)},
                           .verbs = {std::begin(kAllVerbs), std::end(kAllVerbs)},
                           .origin = kOrigin});
  objects.bindings.push_back(
      {.name = "administrator",
       .subjects = {{.kind = Subject::Kind::kUser, .name = std::string(name)}},
       .role = "administrator",
       .scopes = {""},
       .origin = kOrigin});
  return objects;
}

absl::StatusOr<Policy> Policy::Create(PolicyObjects objects, const Policy* previous) {
  Policy policy;
  absl::Status status = policy.AddUsers(std::move(objects.users), objects.revocations);
  if (status.ok()) status = policy.AddGroups(objects.groups);
  const Scopes none;
  if (status.ok()) {
    status = policy.AddBindings(objects.roles, objects.bindings,
                                previous == nullptr ? none : previous->scopes_);
  }
  if (status.ok()) status = policy.AddTokens(std::move(objects.tokens), objects.revocations);
  if (!status.ok()) return status;
  return policy;
}

absl::Status Policy::AddUsers(std::vector<User> users,
                              const std::map<std::string, Revocations>& revocations) {
  int highest_cost = users.empty() ? kBcryptCost : kMinBcryptCost;
  for (User& user : users) {
    if (absl::Status status = ValidateUserName(user.name); !status.ok()) return status;
    if (FindUser(user.name) != nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("there are two users named ", base::Quote(user.name)));
    }
    if (!user.password_hash.empty()) {
      if (absl::Status status = ValidatePasswordHash(user.password_hash); !status.ok()) {
        return absl::InvalidArgumentError(
            absl::StrCat("user ", base::Quote(user.name), ": ", status.message()));
      }
      highest_cost = std::max(highest_cost, BcryptCostOf(user.password_hash));
    }
    const Revocations revoked = RevocationsOf(user.name, revocations);
    user.credential_version =
        CredentialVersion(user.password_hash, revoked.all + revoked.passwords);
    std::string name = user.name;
    users_.emplace(std::move(name), std::move(user));
  }
  decoy_hash_ = MakeDecoyHash(highest_cost);
  return absl::OkStatus();
}

absl::Status Policy::AddGroups(const std::vector<Group>& groups) {
  absl::flat_hash_set<absl::string_view> names;
  for (const Group& group : groups) {
    if (!names.insert(group.name).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("there are two groups named ", base::Quote(group.name)));
    }
    for (const std::string& member : group.members) {
      const auto user = users_.find(member);
      if (user != users_.end()) user->second.groups.insert(group.name);
    }
  }
  return absl::OkStatus();
}

absl::Status Policy::AddBindings(const std::vector<Role>& roles,
                                 const std::vector<RoleBinding>& bindings, const Scopes& compiled) {
  absl::flat_hash_map<absl::string_view, const Role*> roles_by_name;
  for (const Role& role : roles) {
    if (!roles_by_name.emplace(role.name, &role).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("there are two roles named ", base::Quote(role.name)));
    }
  }
  absl::flat_hash_set<absl::string_view> names;
  for (const RoleBinding& binding : bindings) {
    const std::string who = absl::StrCat("role binding ", base::Quote(binding.name));
    if (!names.insert(binding.name).second) {
      return absl::InvalidArgumentError(absl::StrCat(who, " is defined twice"));
    }
    const auto role = roles_by_name.find(binding.role);
    if (role == roles_by_name.end()) {
      return absl::InvalidArgumentError(absl::StrCat(
          who, " refers to the role ", base::Quote(binding.role), ", which does not exist"));
    }
    auto grant = std::make_unique<Grant>();
    grant->binding = binding.name;
    grant->role = binding.role;
    grant->resources = role->second->resources;
    grant->verbs = role->second->verbs;
    for (const std::string& text : binding.scopes) {
      std::shared_ptr<const Scope>& scope = scopes_[text];
      if (scope == nullptr) {
        const auto known = compiled.find(text);
        scope = known == compiled.end() ? std::make_shared<const Scope>(text) : known->second;
      }
      if (!scope->expression.ok()) {
        return absl::InvalidArgumentError(
            absl::StrCat(who, " has the scope ", base::Quote(text),
                         ", which is not a regular expression: ", scope->expression.error()));
      }
      grant->scopes.push_back(scope.get());
    }
    for (const Subject& subject : binding.subjects) {
      auto& index = subject.kind == Subject::Kind::kUser ? grants_of_user_ : grants_of_group_;
      index[subject.name].push_back(grant.get());
    }
    grants_.push_back(std::move(grant));
  }
  return absl::OkStatus();
}

absl::Status Policy::AddTokens(std::vector<Token> tokens,
                               const std::map<std::string, Revocations>& revocations) {
  for (Token& token : tokens) {
    if (FindUser(token.user) == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("token ", base::Quote(token.name), " belongs to the user ",
                       base::Quote(token.user), ", who does not exist"));
    }
    token.credential_version =
        CredentialVersion(token.value_hash, RevocationsOf(token.user, revocations).all);
    std::string hash = token.value_hash;
    const auto [entry, is_new] = tokens_.try_emplace(std::move(hash), token);
    if (!is_new) {
      return absl::InvalidArgumentError(
          absl::StrCat("token ", base::Quote(token.name), " has the value of another token"));
    }
    tokens_by_version_.emplace(token.credential_version, &entry->second);
  }
  return absl::OkStatus();
}

const User* Policy::FindUser(absl::string_view name) const {
  const auto found = users_.find(name);
  return found == users_.end() ? nullptr : &found->second;
}

const Token* Policy::FindToken(absl::string_view value) const {
  if (tokens_.empty()) return nullptr;
  const auto found = tokens_.find(HashTokenValue(value));
  return found == tokens_.end() ? nullptr : &found->second;
}

UserCredential Policy::CredentialOf(const User& user) const {
  return {.user = &user, .version = user.credential_version};
}

UserCredential Policy::CredentialOf(const Token& token) const {
  return {.user = FindUser(token.user),
          .version = token.credential_version,
          .expires_at_ms = token.expires_at_ms};
}

std::optional<UserCredential> Policy::FindCredential(absl::string_view user_name,
                                                     absl::string_view version) const {
  const User* user = FindUser(user_name);
  if (user == nullptr) return std::nullopt;
  if (user->credential_version == version) return CredentialOf(*user);
  const auto token = tokens_by_version_.find(version);
  if (token == tokens_by_version_.end() || token->second->user != user_name) return std::nullopt;
  return CredentialOf(*token->second);
}

bool Policy::Grant::Has(Resource resource, Verb verb) const {
  return resources.contains(resource) &&
         (verbs.contains(verb) || (verb == Verb::kHead && verbs.contains(Verb::kGet)));
}

bool Policy::Grant::Matches(const std::string& target) const {
  return std::any_of(scopes.begin(), scopes.end(), [&](const Scope* scope) {
    return controlplane::Matches(scope->expression, target);
  });
}

template <class Visit>
bool Policy::AnyGrant(const User& user, Visit visit) const {
  const auto any = [&](const auto& index, const std::string& name) {
    const auto found = index.find(name);
    return found != index.end() && std::any_of(found->second.begin(), found->second.end(),
                                               [&](const Grant* grant) { return visit(*grant); });
  };
  return any(grants_of_user_, user.name) ||
         std::any_of(user.groups.begin(), user.groups.end(),
                     [&](const std::string& group) { return any(grants_of_group_, group); });
}

const Policy::Grant* Policy::FindGrant(const User& user, const Action& action,
                                       const std::string& target) const {
  const Grant* found = nullptr;
  AnyGrant(user, [&](const Grant& grant) {
    if (!grant.Has(action.resource, action.verb) || !grant.Matches(target)) return false;
    found = &grant;
    return true;
  });
  return found;
}

bool Policy::Allows(const User* user, const Action& action) const {
  return user != nullptr && FindGrant(*user, action, TargetOf(action)) != nullptr;
}

Verdict Policy::Decide(const User* user, const Action& action) const {
  if (Allows(user, action)) return {.allowed = true};
  // Do not tell anonymous clients what exists.
  if (user == nullptr || user->name == kAnonymous) {
    return {.reason = absl::StrCat("anonymous clients may not ", Describe(action), ": log in")};
  }
  return {.reason = absl::StrCat("user ", base::Quote(user->name), " may not ", Describe(action),
                                 ": ", NearestMiss(*user, action, TargetOf(action)))};
}

Explanation Policy::Explain(const User& user, const Action& action) const {
  const std::string target = TargetOf(action);
  if (const Grant* grant = FindGrant(user, action, target)) {
    return {.allowed = true, .binding = grant->binding, .role = grant->role};
  }
  return {.nearest_miss = NearestMiss(user, action, target)};
}

std::string Policy::NearestMiss(const User& user, const Action& action,
                                const std::string& target) const {
  std::string nearest;
  bool any = false;
  AnyGrant(user, [&](const Grant& grant) {
    any = true;
    const bool matches = grant.Matches(target);
    if (grant.verbs.empty()) {
      if (!matches && !nearest.empty()) return false;
      nearest = absl::StrCat("role binding ", base::Quote(grant.binding), " gives the role ",
                             base::Quote(grant.role), ", which does not exist or allows nothing");
    } else if (matches) {
      nearest = absl::StrCat("role binding ", base::Quote(grant.binding), " gives the role ",
                             base::Quote(grant.role), " there, which has no ",
                             VerbName(action.verb), " on ", ResourceName(action.resource));
    } else if (grant.Has(action.resource, action.verb) && nearest.empty()) {
      nearest = absl::StrCat("role binding ", base::Quote(grant.binding),
                             " allows it, but none of its scopes matches ", base::Quote(target));
    }
    return matches;
  });
  if (!any) return "no role binding names this user or one of the user's groups";
  return nearest.empty() ? "no role of this user has that right" : nearest;
}

bool Policy::CouldMatch(const Grant& grant, const oci::RepositoryName& repository) {
  const std::string& name = repository.ToString();
  const std::string tags = absl::StrCat(name, ":");
  return std::any_of(grant.scopes.begin(), grant.scopes.end(), [&](const Scope* scope) {
    if (Matches(scope->expression, name) || Matches(scope->expression, tags + "latest")) {
      return true;
    }
    // Another tag might match if the matched text can begin with "name:".
    return !scope->bounds.has_value() || MayBeginWith(*scope->bounds, tags);
  });
}

bool Policy::CouldAllow(const User* user, const oci::RepositoryName& repository,
                        TokenAction action) const {
  return user != nullptr && AnyGrant(*user, [&](const Grant& grant) {
           const bool has_verb =
               std::any_of(grant.verbs.begin(), grant.verbs.end(),
                           [&](Verb verb) { return TokenActionOf(verb) == action; });
           const bool has_resource =
               std::any_of(grant.resources.begin(), grant.resources.end(),
                           [](Resource resource) { return resource != Resource::kCatalog; });
           return has_verb && has_resource && CouldMatch(grant, repository);
         });
}

bool Policy::MayRead(const User* user, const oci::RepositoryName& repository,
                     const std::optional<oci::Tag>& tag) const {
  if (user == nullptr) return false;
  const std::string target = TargetOf(
      {.resource = Resource::kBlobs, .verb = Verb::kGet, .repository = repository, .tag = tag});
  return AnyGrant(*user, [&](const Grant& grant) {
    return (grant.Has(Resource::kBlobs, Verb::kGet) ||
            grant.Has(Resource::kManifests, Verb::kGet) ||
            grant.Has(Resource::kTags, Verb::kGet)) &&
           grant.Matches(target);
  });
}

bool Policy::MightReadTags(const User* user, const oci::RepositoryName& repository) const {
  return CouldAllow(user, repository, TokenAction::kPull);
}

std::vector<NameRange> Policy::ReadableNames(const User* user) const {
  std::vector<NameRange> ranges;
  if (user == nullptr) return ranges;
  bool everywhere = false;
  AnyGrant(*user, [&](const Grant& grant) {
    for (const Scope* scope : grant.scopes) {
      everywhere = everywhere || !scope->bounds.has_value();
      if (scope->bounds.has_value()) AddNamesWithin(*scope->bounds, ranges);
    }
    return everywhere;
  });
  if (everywhere) return {{.first = "", .last = "\x7f"}};
  return MergeRanges(std::move(ranges));
}

}  // namespace registry::controlplane
