#include "controlplane/token_scopes.h"

#include <algorithm>
#include <string>

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

bool Covers(const std::vector<oci::Scope>& access, const Action& action) {
  const oci::Scope needed = ScopeFor(action);
  return std::any_of(access.begin(), access.end(), [&](const oci::Scope& held) {
    return held.type == needed.type && held.name == needed.name &&
           (Holds(held, "*") || Holds(held, needed.actions[0]));
  });
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
