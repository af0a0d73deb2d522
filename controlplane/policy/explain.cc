#include "controlplane/policy/explain.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/quote.h"
#include "controlplane/policy/error.h"
#include "controlplane/policy/view.h"
#include "oci/digest.h"

namespace registry::controlplane {
namespace {

struct Target {
  std::optional<oci::RepositoryName> repository;
  std::optional<oci::Tag> tag;
};

absl::StatusOr<Target> ParseTarget(absl::string_view text) {
  Target target;
  if (text.empty()) return target;
  // Requests by digest have no tag, even if the reference names one.
  const size_t at = text.find('@');
  const bool by_digest = at != absl::string_view::npos;
  if (by_digest) {
    const absl::Status status = oci::Digest::Parse(text.substr(at + 1)).status();
    if (!status.ok())
      return InvalidField("repository", absl::StrCat("is invalid: ", status.message()));
    text = text.substr(0, at);
  }
  const std::vector<absl::string_view> parts = absl::StrSplit(text, absl::MaxSplits(':', 1));
  absl::StatusOr<oci::RepositoryName> repository = oci::RepositoryName::Parse(parts[0]);
  if (!repository.ok()) {
    return InvalidField("repository", absl::StrCat("is invalid: ", repository.status().message()));
  }
  target.repository = *std::move(repository);
  if (parts.size() == 1) return target;
  absl::StatusOr<oci::Tag> tag = oci::Tag::Parse(parts[1]);
  if (!tag.ok()) {
    return InvalidField("repository", absl::StrCat("is invalid: ", tag.status().message()));
  }
  if (!by_digest) target.tag = *std::move(tag);
  return target;
}

// The requests that a client makes for the action, in order. Empty if there is no such action.
std::vector<std::pair<Resource, Verb>> StepsOf(absl::string_view action) {
  if (action == "pull") {
    return {{Resource::kManifests, Verb::kGet}, {Resource::kBlobs, Verb::kGet}};
  }
  if (action == "push") {
    return {{Resource::kBlobs, Verb::kHead},
            {Resource::kBlobs, Verb::kPost},
            {Resource::kBlobs, Verb::kPatch},
            {Resource::kBlobs, Verb::kPut},
            {Resource::kManifests, Verb::kPut}};
  }
  if (action == "delete") return {{Resource::kManifests, Verb::kDelete}};
  if (action == "catalog") return {{Resource::kCatalog, Verb::kGet}};
  const std::vector<absl::string_view> words = absl::StrSplit(action, ' ', absl::SkipEmpty());
  if (words.size() != 2) return {};
  const std::optional<Verb> verb = ParseVerb(words[0]);
  const std::optional<Resource> resource = ParseResource(words[1]);
  if (!verb.has_value() || !resource.has_value()) return {};
  return {{*resource, *verb}};
}

absl::StatusOr<std::vector<Action>> ActionsOf(absl::string_view action, const Target& target) {
  std::vector<Action> actions;
  for (const auto& [resource, verb] : StepsOf(action)) {
    Action step{.resource = resource, .verb = verb};
    if (resource != Resource::kCatalog) {
      if (!target.repository.has_value()) {
        return InvalidField("repository", "is empty: only the action catalog needs none");
      }
      step.repository = target.repository;
      // Blobs have no tags.
      if (resource != Resource::kBlobs) step.tag = target.tag;
    }
    actions.push_back(std::move(step));
  }
  if (actions.empty()) {
    return InvalidField("action", absl::StrCat("is ", base::Quote(action),
                                               "; write pull, push, delete, catalog, or a verb and "
                                               "a resource such as \"PUT manifests\""));
  }
  return actions;
}

// The user, or for a group a made-up user who is only in that group.
absl::StatusOr<User> FindSubject(const PolicySnapshot& snapshot, absl::string_view subject) {
  absl::string_view name = subject;
  // Errors repeat the subject, and their details must fit into HTTP/2 headers.
  if (subject.size() > kMaxNameBytes + absl::string_view("groups/").size()) {
    return InvalidField("subject", absl::StrCat("has ", subject.size(),
                                                " bytes; names have at most ", kMaxNameBytes));
  }
  if (absl::ConsumePrefix(&name, "users/")) {
    const User* user = snapshot.policy->FindUser(name);
    if (user != nullptr) return *user;
    // The policy of a private registry has no user for anonymous clients.
    if (name == kAnonymous) return User{.name = std::string(kAnonymous)};
    return NoSuchResource(subject);
  }
  if (absl::ConsumePrefix(&name, "groups/")) {
    if (FindByName(snapshot.objects->groups, name) == nullptr) return NoSuchResource(subject);
    return User{.name = "", .groups = {std::string(name)}};
  }
  return InvalidField(
      "subject", absl::StrCat("is ", base::Quote(subject), "; write users/NAME or groups/NAME"));
}

}  // namespace

absl::StatusOr<ExplainedAction> Explain(const PolicySnapshot& snapshot, absl::string_view subject,
                                        absl::string_view action, absl::string_view repository) {
  const absl::StatusOr<User> user = FindSubject(snapshot, subject);
  if (!user.ok()) return user.status();
  const absl::StatusOr<Target> target = ParseTarget(repository);
  if (!target.ok()) return target.status();
  absl::StatusOr<std::vector<Action>> actions = ActionsOf(action, *target);
  if (!actions.ok()) return actions.status();

  ExplainedAction result;
  result.allowed = true;
  for (Action& step : *actions) {
    Explanation explanation = snapshot.policy->Explain(*user, step);
    if (result.allowed) {
      result.allowed = explanation.allowed;
      result.decisive = {.action = step, .explanation = explanation};
    }
    result.checks.push_back({.action = std::move(step), .explanation = std::move(explanation)});
  }
  const Explanation& decisive = result.decisive.explanation;
  const std::string what = Describe(result.decisive.action);
  result.reason =
      result.allowed
          ? absl::StrCat(subject, " may ", what, ": role binding ", base::Quote(decisive.binding),
                         " gives the role ", base::Quote(decisive.role), " there")
          : absl::StrCat(subject, " may not ", what, ": ", decisive.nearest_miss);
  return result;
}

}  // namespace registry::controlplane
