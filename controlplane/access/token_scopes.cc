#include "controlplane/access/token_scopes.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace registry::controlplane {
namespace {

bool Holds(const oci::Scope& scope, absl::string_view action) {
  return std::find(scope.actions.begin(), scope.actions.end(), action) != scope.actions.end();
}

std::vector<std::string> RepositoryActions(const Policy& policy, const User* user,
                                           const oci::RepositoryName& repository,
                                           const oci::Scope& asked) {
  const bool asks_all = Holds(asked, "*");
  std::vector<std::string> granted;
  bool may_all = true;
  for (TokenAction action : {TokenAction::kPull, TokenAction::kPush, TokenAction::kDelete}) {
    if (!policy.CouldAllow(user, repository, action)) {
      may_all = false;
    } else if (asks_all || Holds(asked, TokenActionName(action))) {
      granted.emplace_back(TokenActionName(action));
    }
  }
  if (asks_all && may_all) return {"*"};
  return granted;
}

}  // namespace

oci::Scope ScopeFor(const Action& action) {
  if (!action.repository.has_value()) {
    return {.type = "registry", .name = "catalog", .actions = {"*"}};
  }
  return {.type = "repository",
          .name = action.repository->ToString(),
          .actions = {std::string(TokenActionName(TokenActionOf(action.verb)))}};
}

AskedScopes MergeScopes(const std::vector<oci::Scope>& asked, size_t max) {
  AskedScopes result;
  // Of the kept ones, by type and name. Both are in reverse order until the end.
  using Key = std::pair<absl::string_view, absl::string_view>;
  std::map<Key, size_t> places;
  std::set<absl::string_view> left_out;
  for (auto scope = asked.rbegin(); scope != asked.rend(); ++scope) {
    const Key key(scope->type, scope->name);
    const auto found = places.find(key);
    if (found != places.end()) {
      std::vector<std::string>& actions = result.kept[found->second].actions;
      actions.insert(actions.end(), scope->actions.begin(), scope->actions.end());
    } else if (result.kept.size() < max) {
      places.emplace(key, result.kept.size());
      result.kept.push_back(*scope);
    } else if (left_out.insert(scope->name).second) {
      result.left_out.push_back(scope->name);
    }
  }
  std::reverse(result.kept.begin(), result.kept.end());
  std::reverse(result.left_out.begin(), result.left_out.end());
  return result;
}

oci::Scope GrantableScope(const Policy& policy, const User* user, const oci::Scope& asked) {
  oci::Scope granted{.type = asked.type, .name = asked.name, .actions = {}};
  if (asked.type == "repository") {
    const absl::StatusOr<oci::RepositoryName> repository = oci::RepositoryName::Parse(asked.name);
    if (repository.ok()) granted.actions = RepositoryActions(policy, user, *repository, asked);
  } else if (asked.type == "registry" && asked.name == "catalog" && Holds(asked, "*")) {
    const Action list{.resource = Resource::kCatalog,
                      .verb = Verb::kGet,
                      .repository = std::nullopt,
                      .tag = std::nullopt};
    if (policy.Allows(user, list)) granted.actions = {"*"};
  }
  return granted;
}

}  // namespace registry::controlplane
