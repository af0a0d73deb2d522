// Fields of the admin API's messages as people write and read them.
//
// Thread-safe.
#ifndef REGISTRY_APP_ADMIN_MESSAGE_FIELDS_H_
#define REGISTRY_APP_ADMIN_MESSAGE_FIELDS_H_

#include <google/protobuf/message.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "app/admin/resources.h"

namespace registry::app::admin {

// An empty message of admin.proto: "User".
std::unique_ptr<google::protobuf::Message> NewMessage(absl::string_view name);

// How the values of a flag change a field; a field that is not repeated knows kSet only.
enum class Edit { kSet, kAdd, kRemove };

// `values` are as they stand behind the flag. Error: INVALID_ARGUMENT, a sentence with the value.
absl::Status EditField(const FieldFlag& flag, Edit edit, const std::vector<std::string>& values,
                       google::protobuf::Message& message);

// "devs, ops"; "-" when there is nothing. Names of resources are without "users/" and the like
// where the field can only hold one kind.
std::string TextOf(const google::protobuf::Message& message, absl::string_view field);

}  // namespace registry::app::admin

#endif  // REGISTRY_APP_ADMIN_MESSAGE_FIELDS_H_
