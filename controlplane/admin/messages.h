// Converts between the objects of an access policy and the messages of admin.proto.
//
// Objects are those of EffectiveObjects (policy/view.h). Errors: policy/error.h. Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_ADMIN_MESSAGES_H_
#define REGISTRY_CONTROLPLANE_ADMIN_MESSAGES_H_

#include <google/protobuf/field_mask.pb.h>
#include <google/protobuf/message.h>

#include <initializer_list>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "controlplane/policy/audit_log.h"
#include "controlplane/policy/explain.h"
#include "controlplane/policy/objects.h"
#include "registry/v1/admin.pb.h"

namespace registry::controlplane {

// The messages have etags and no secrets.
v1::User ToMessage(const User& user);
v1::Group ToMessage(const Group& group);
v1::Role ToMessage(const Role& role);
v1::RoleBinding ToMessage(const RoleBinding& binding);
v1::Token ToMessage(const Token& token);
v1::AuditEvent ToMessage(const AuditEvent& event);
v1::ExplainResponse ToMessage(const ExplainedAction& explained);

// Names of fields of a message.
using Fields = std::set<std::string>;

// Copies the fields named in `fields` from `message` to the object. The service itself sets fields
// that need more work: a user's password, and on creation all of a token but `expire_time`.
absl::Status Apply(const v1::User& message, const Fields& fields, User& user);
absl::Status Apply(const v1::Group& message, const Fields& fields, Group& group);
absl::Status Apply(const v1::Role& message, const Fields& fields, Role& role);
absl::Status Apply(const v1::RoleBinding& message, const Fields& fields, RoleBinding& binding);
absl::Status Apply(const v1::Token& message, const Fields& fields, Token& token);

// The fields that an update changes: those that `mask` names, all `updatable` ones for "*", or
// without a mask those set in `message`. Error: the mask names a field that is not updatable.
absl::StatusOr<Fields> FieldsToUpdate(const google::protobuf::Message& message,
                                      const google::protobuf::FieldMask& mask,
                                      std::initializer_list<absl::string_view> updatable);

// Returns "alice" for "users/alice". Error: `resource`, the value of `field`, is not in the
// collection.
absl::StatusOr<std::string> IdOf(absl::string_view collection, absl::string_view field,
                                 absl::string_view resource);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_ADMIN_MESSAGES_H_
