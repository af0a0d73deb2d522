#include "controlplane/admin/messages.h"

#include <algorithm>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/hash.h"
#include "base/quote.h"
#include "controlplane/policy/edits.h"
#include "controlplane/policy/error.h"

namespace registry::controlplane {
namespace {

v1::Resource ToProto(Resource resource) {
  switch (resource) {
    case Resource::kCatalog:
      return v1::RESOURCE_CATALOG;
    case Resource::kBlobs:
      return v1::RESOURCE_BLOBS;
    case Resource::kManifests:
      return v1::RESOURCE_MANIFESTS;
    case Resource::kTags:
      return v1::RESOURCE_TAGS;
  }
  return v1::RESOURCE_UNSPECIFIED;
}

v1::Verb ToProto(Verb verb) {
  switch (verb) {
    case Verb::kGet:
      return v1::VERB_GET;
    case Verb::kHead:
      return v1::VERB_HEAD;
    case Verb::kPost:
      return v1::VERB_POST;
    case Verb::kPut:
      return v1::VERB_PUT;
    case Verb::kPatch:
      return v1::VERB_PATCH;
    case Verb::kDelete:
      return v1::VERB_DELETE;
  }
  return v1::VERB_UNSPECIFIED;
}

// Sets the etag: a hash of the message so far, and of a secret that is not in it.
template <class Message>
Message WithEtag(Message message, absl::string_view secret = "") {
  base::Hasher hasher("sha256");
  hasher.Update(message.SerializeAsString());
  hasher.Update(secret);
  message.set_etag(absl::BytesToHexString(hasher.Finish().substr(0, 8)));
  return message;
}

void SetTime(int64_t ms, google::protobuf::Timestamp* time) {
  constexpr int64_t kMsPerSecond = 1000;
  constexpr int64_t kNsPerMs = 1'000'000;
  time->set_seconds(ms / kMsPerSecond);
  time->set_nanos(static_cast<int32_t>(ms % kMsPerSecond * kNsPerMs));
}

v1::Action ToProto(const Action& action) {
  v1::Action message;
  message.set_resource(ToProto(action.resource));
  message.set_verb(ToProto(action.verb));
  if (action.repository.has_value()) message.set_repository(action.repository->ToString());
  if (action.tag.has_value()) message.set_tag(action.tag->ToString());
  return message;
}

// Reads the ids from a repeated field of resource names.
template <class Names>
absl::StatusOr<std::set<std::string>> IdsOf(absl::string_view collection, absl::string_view field,
                                            const Names& names) {
  std::set<std::string> ids;
  for (const std::string& name : names) {
    absl::StatusOr<std::string> id = IdOf(collection, field, name);
    if (!id.ok()) return id.status();
    ids.insert(*std::move(id));
  }
  return ids;
}

template <class Enum, class All>
absl::StatusOr<Enum> FromProto(absl::string_view field, int value, const All& all) {
  for (const Enum candidate : all) {
    if (static_cast<int>(ToProto(candidate)) == value) return candidate;
  }
  return InvalidField(field, absl::StrCat("has the unknown value ", value));
}

absl::StatusOr<Subject> SubjectOf(absl::string_view name) {
  constexpr absl::string_view kField = "role_binding.subjects";
  const bool is_user = absl::StartsWith(name, "users/");
  if (!is_user && !absl::StartsWith(name, "groups/")) {
    return InvalidField(
        kField, absl::StrCat("has ", base::Quote(name), "; write users/NAME or groups/NAME"));
  }
  absl::StatusOr<std::string> id = IdOf(is_user ? "users" : "groups", kField, name);
  if (!id.ok()) return id.status();
  return Subject{.kind = is_user ? Subject::Kind::kUser : Subject::Kind::kGroup,
                 .name = *std::move(id)};
}

}  // namespace

v1::User ToMessage(const User& user) {
  v1::User message;
  message.set_name(absl::StrCat("users/", user.name));
  message.set_password_set(!user.password_hash.empty());
  for (const std::string& group : user.groups) message.add_groups(absl::StrCat("groups/", group));
  message.set_origin(user.origin);
  return WithEtag(std::move(message), user.password_hash);
}

v1::Group ToMessage(const Group& group) {
  v1::Group message;
  message.set_name(absl::StrCat("groups/", group.name));
  for (const std::string& member : group.members) {
    message.add_members(absl::StrCat("users/", member));
  }
  message.set_origin(group.origin);
  return WithEtag(std::move(message));
}

v1::Role ToMessage(const Role& role) {
  v1::Role message;
  message.set_name(absl::StrCat("roles/", role.name));
  for (const Resource resource : role.resources) message.add_resources(ToProto(resource));
  for (const Verb verb : role.verbs) message.add_verbs(ToProto(verb));
  message.set_origin(role.origin);
  return WithEtag(std::move(message));
}

v1::RoleBinding ToMessage(const RoleBinding& binding) {
  v1::RoleBinding message;
  message.set_name(absl::StrCat("roleBindings/", binding.name));
  message.set_role(absl::StrCat("roles/", binding.role));
  for (const Subject& subject : binding.subjects) message.add_subjects(ResourceNameOf(subject));
  for (const std::string& scope : binding.scopes) message.add_scopes(scope);
  message.set_origin(binding.origin);
  return WithEtag(std::move(message));
}

v1::Token ToMessage(const Token& token) {
  v1::Token message;
  message.set_name(absl::StrCat("tokens/", token.name));
  message.set_user(absl::StrCat("users/", token.user));
  if (token.expires_at_ms.has_value()) {
    SetTime(*token.expires_at_ms, message.mutable_expire_time());
  }
  message.set_origin(token.origin);
  return WithEtag(std::move(message), token.value_hash);
}

v1::AuditEvent ToMessage(const AuditEvent& event) {
  v1::AuditEvent message;
  SetTime(event.at_ms, message.mutable_time());
  message.set_principal(event.actor.principal);
  message.set_peer(event.actor.peer);
  message.set_method(event.method);
  message.set_resource(event.resource);
  message.set_detail(event.detail);
  message.set_revision(event.revision);
  return message;
}

v1::ExplainResponse ToMessage(const ExplainedAction& explained) {
  // For the whole answer, and for each check.
  const auto set = [](const Explanation& explanation, auto& message) {
    if (explanation.allowed) {
      message.set_role_binding(absl::StrCat("roleBindings/", explanation.binding));
      message.set_role(absl::StrCat("roles/", explanation.role));
    }
    message.set_nearest_miss(explanation.nearest_miss);
  };
  v1::ExplainResponse message;
  message.set_allowed(explained.allowed);
  message.set_reason(explained.reason);
  set(explained.decisive.explanation, message);
  for (const ExplainedCheck& check : explained.checks) {
    v1::ExplainResponse::Check& added = *message.add_checks();
    *added.mutable_action() = ToProto(check.action);
    added.set_allowed(check.explanation.allowed);
    set(check.explanation, added);
  }
  return message;
}

absl::Status Apply(const v1::User& message, const Fields& fields, User& user) {
  if (fields.contains("password_hash")) user.password_hash = message.password_hash();
  if (fields.contains("groups")) {
    absl::StatusOr<std::set<std::string>> groups = IdsOf("groups", "user.groups", message.groups());
    if (!groups.ok()) return groups.status();
    user.groups = *std::move(groups);
  }
  return absl::OkStatus();
}

absl::Status Apply(const v1::Group& message, const Fields& fields, Group& group) {
  if (!fields.contains("members")) return absl::OkStatus();
  absl::StatusOr<std::set<std::string>> members =
      IdsOf("users", "group.members", message.members());
  if (!members.ok()) return members.status();
  group.members = *std::move(members);
  return absl::OkStatus();
}

absl::Status Apply(const v1::Role& message, const Fields& fields, Role& role) {
  if (fields.contains("resources")) {
    role.resources.clear();
    for (const int value : message.resources()) {
      const absl::StatusOr<Resource> resource =
          FromProto<Resource>("role.resources", value, kAllResources);
      if (!resource.ok()) return resource.status();
      role.resources.insert(*resource);
    }
  }
  if (fields.contains("verbs")) {
    role.verbs.clear();
    for (const int value : message.verbs()) {
      const absl::StatusOr<Verb> verb = FromProto<Verb>("role.verbs", value, kAllVerbs);
      if (!verb.ok()) return verb.status();
      role.verbs.insert(*verb);
    }
  }
  return absl::OkStatus();
}

absl::Status Apply(const v1::RoleBinding& message, const Fields& fields, RoleBinding& binding) {
  if (fields.contains("role")) {
    absl::StatusOr<std::string> role = IdOf("roles", "role_binding.role", message.role());
    if (!role.ok()) return role.status();
    binding.role = *std::move(role);
  }
  if (fields.contains("subjects")) {
    binding.subjects.clear();
    for (const std::string& name : message.subjects()) {
      absl::StatusOr<Subject> subject = SubjectOf(name);
      if (!subject.ok()) return subject.status();
      binding.subjects.push_back(*std::move(subject));
    }
  }
  if (fields.contains("scopes")) {
    binding.scopes.assign(message.scopes().begin(), message.scopes().end());
  }
  return absl::OkStatus();
}

absl::Status Apply(const v1::Token& message, const Fields& fields, Token& token) {
  if (!fields.contains("expire_time")) return absl::OkStatus();
  token.expires_at_ms.reset();
  if (!message.has_expire_time()) return absl::OkStatus();
  // google.protobuf.Timestamp ends with the year 9999.
  constexpr int64_t kMaxSeconds = 253'402'300'799;
  const int64_t seconds = message.expire_time().seconds();
  if (seconds < 0 || seconds > kMaxSeconds) {
    return InvalidField("token.expire_time", "is not a time from 1970 to 9999");
  }
  constexpr int64_t kMsPerSecond = 1000;
  constexpr int64_t kNsPerMs = 1'000'000;
  const int32_t nanos = message.expire_time().nanos();
  if (nanos < 0 || nanos >= kMsPerSecond * kNsPerMs) {
    return InvalidField("token.expire_time",
                        absl::StrCat("has ", nanos, " nanos; write 0 to 999,999,999"));
  }
  token.expires_at_ms = seconds * kMsPerSecond + nanos / kNsPerMs;
  return absl::OkStatus();
}

absl::StatusOr<Fields> FieldsToUpdate(const google::protobuf::Message& message,
                                      const google::protobuf::FieldMask& mask,
                                      std::initializer_list<absl::string_view> updatable) {
  const auto may_be = [&](absl::string_view field) {
    return std::find(updatable.begin(), updatable.end(), field) != updatable.end();
  };
  Fields fields;
  if (mask.paths_size() == 0) {
    std::vector<const google::protobuf::FieldDescriptor*> set;
    message.GetReflection()->ListFields(message, &set);
    for (const google::protobuf::FieldDescriptor* field : set) {
      // Some clients fill in all fields, so a message may be present but empty.
      const bool is_empty = field->has_presence() && !field->is_repeated() &&
                            field->cpp_type() == field->CPPTYPE_STRING &&
                            message.GetReflection()->GetString(message, field).empty();
      if (may_be(field->name()) && !is_empty) fields.insert(field->name());
    }
    return fields;
  }
  for (const std::string& path : mask.paths()) {
    if (path == "*") {
      fields.insert(updatable.begin(), updatable.end());
    } else if (may_be(path)) {
      fields.insert(path);
    } else {
      return InvalidField("update_mask",
                          absl::StrCat("names ", base::Quote(path), ", which cannot be updated"));
    }
  }
  return fields;
}

absl::StatusOr<std::string> IdOf(absl::string_view collection, absl::string_view field,
                                 absl::string_view resource) {
  absl::string_view id = resource;
  if (!absl::ConsumePrefix(&id, collection) || !absl::ConsumePrefix(&id, "/") || id.empty()) {
    return InvalidField(
        field, absl::StrCat("has ", base::Quote(resource), "; write ", collection, "/NAME"));
  }
  // Errors repeat the name, and their details must fit into HTTP/2 headers.
  if (id.size() > kMaxNameBytes) {
    return InvalidField(field, absl::StrCat("has a name of ", id.size(),
                                            " bytes; names have at most ", kMaxNameBytes));
  }
  return std::string(id);
}

}  // namespace registry::controlplane
