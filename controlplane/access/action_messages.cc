#include "controlplane/access/action_messages.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace registry::controlplane {
namespace {

absl::StatusOr<Resource> FromProto(v1::Resource resource) {
  switch (resource) {
    case v1::RESOURCE_CATALOG:
      return Resource::kCatalog;
    case v1::RESOURCE_BLOBS:
      return Resource::kBlobs;
    case v1::RESOURCE_MANIFESTS:
      return Resource::kManifests;
    case v1::RESOURCE_TAGS:
      return Resource::kTags;
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("an action has the unknown resource ", static_cast<int>(resource)));
  }
}

absl::StatusOr<Verb> FromProto(v1::Verb verb) {
  switch (verb) {
    case v1::VERB_GET:
      return Verb::kGet;
    case v1::VERB_HEAD:
      return Verb::kHead;
    case v1::VERB_POST:
      return Verb::kPost;
    case v1::VERB_PUT:
      return Verb::kPut;
    case v1::VERB_PATCH:
      return Verb::kPatch;
    case v1::VERB_DELETE:
      return Verb::kDelete;
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("an action has the unknown verb ", static_cast<int>(verb)));
  }
}

absl::StatusOr<Action> ParseAction(const v1::Action& message) {
  absl::StatusOr<Resource> resource = FromProto(message.resource());
  if (!resource.ok()) return resource.status();
  absl::StatusOr<Verb> verb = FromProto(message.verb());
  if (!verb.ok()) return verb.status();
  Action action{
      .resource = *resource, .verb = *verb, .repository = std::nullopt, .tag = std::nullopt};
  if (*resource == Resource::kCatalog) return action;
  absl::StatusOr<oci::RepositoryName> repository = oci::RepositoryName::Parse(message.repository());
  if (!repository.ok()) return repository.status();
  action.repository = *std::move(repository);
  if (!message.tag().empty()) {
    absl::StatusOr<oci::Tag> tag = oci::Tag::Parse(message.tag());
    if (!tag.ok()) return tag.status();
    action.tag = *std::move(tag);
  }
  return action;
}

}  // namespace

absl::StatusOr<std::vector<Action>> ParseActions(const v1::AuthorizeRequest& request) {
  std::vector<Action> actions;
  for (const v1::Action& message : request.actions()) {
    absl::StatusOr<Action> action = ParseAction(message);
    if (!action.ok()) return action.status();
    actions.push_back(*std::move(action));
  }
  return actions;
}

}  // namespace registry::controlplane
