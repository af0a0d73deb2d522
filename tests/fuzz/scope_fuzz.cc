// Token scopes: the requested scopes, and those that a policy grants.

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "controlplane/access/token_access.h"
#include "controlplane/access/token_scopes.h"
#include "controlplane/policy/policy.h"
#include "oci/name.h"
#include "oci/scope.h"
#include "tests/fuzz/check.h"

namespace registry::controlplane {
namespace {

const Policy& TestPolicy() {
  // The hash is of a made-up password and never checked here.
  static const Policy* const policy = new Policy(*Policy::Create(
      AdministratorOnly("admin", "$2b$10$abcdefghijklmnopqrstuuAl4cYJlPVEkZGYwxuWvIGUMjjt7o4Rq")));
  return *policy;
}

void CheckScope(const oci::Scope& scope) {
  FUZZ_CHECK(!scope.type.empty() && !scope.name.empty());
  FUZZ_CHECK(!absl::StrContains(scope.type, ':') && !absl::StrContains(scope.type, '('));
  FUZZ_CHECK(!absl::StrContains(scope.ToString(), ' '));
  FUZZ_CHECK(oci::ParseScopes(scope.ToString()) == std::vector<oci::Scope>{scope});
}

// Returns true if `granted` was requested.
bool Asked(const oci::Scope& asked, const std::string& granted) {
  return std::any_of(asked.actions.begin(), asked.actions.end(),
                     [&](const std::string& action) { return action == granted || action == "*"; });
}

void CheckGrant(const oci::Scope& asked) {
  const Policy& policy = TestPolicy();
  FUZZ_CHECK(GrantableScope(policy, nullptr, asked).actions.empty());

  const oci::Scope granted = GrantableScope(policy, policy.FindUser("admin"), asked);
  FUZZ_CHECK(granted.type == asked.type && granted.name == asked.name);
  FUZZ_CHECK(granted.actions.size() <= 3);
  for (const std::string& action : granted.actions) FUZZ_CHECK(Asked(asked, action));
  const auto repository = oci::RepositoryName::Parse(asked.name);
  FUZZ_CHECK(granted.actions.empty() || granted.type == "registry" ||
             (granted.type == "repository" && repository.ok()));
  if (asked.type != "repository" || !repository.ok()) return;

  // The token covers exactly the granted scopes.
  for (const Verb verb : {Verb::kGet, Verb::kPut, Verb::kDelete}) {
    const Action action{
        .resource = Resource::kManifests, .verb = verb, .repository = *repository, .tag = {}};
    const std::string name(TokenActionName(TokenActionOf(verb)));
    TokenAccess access(std::string(32, 'k'));
    access.Add(granted);
    FUZZ_CHECK(access.Covers(ScopeFor(action)) == Asked(granted, name));
    FUZZ_CHECK(access.Covers(ScopeFor(action)) == Asked(asked, name));
  }
}

}  // namespace
}  // namespace registry::controlplane

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto scopes = registry::oci::ParseScopes(registry::fuzz::ToText(data, size));
  for (const registry::oci::Scope& scope : scopes) registry::controlplane::CheckScope(scope);
  // Each scope is granted independently: a few test as much as all, and much faster.
  for (size_t i = 0; i < std::min<size_t>(scopes.size(), 4); ++i) {
    registry::controlplane::CheckGrant(scopes[i]);
  }
  return 0;
}
