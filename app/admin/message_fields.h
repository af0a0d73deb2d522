// Converts fields of the admin API's messages from and to the text that people write and read.
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

// An empty message of admin.proto, for example "User".
std::unique_ptr<google::protobuf::Message> NewMessage(absl::string_view name);

// How the values of a flag change a field; fields that are not repeated allow only kSet.
enum class Edit { kSet, kAdd, kRemove };

// `values` are the flag's values as written. Error: INVALID_ARGUMENT, a sentence with the value.
absl::Status EditField(const FieldFlag& flag, Edit edit, const std::vector<std::string>& values,
                       google::protobuf::Message& message);

// "devs, ops"; "-" if the field is empty. Omits "users/" and the like where the field can hold only
// one kind of resource.
std::string TextOf(const google::protobuf::Message& message, absl::string_view field);

}  // namespace registry::app::admin

#endif  // REGISTRY_APP_ADMIN_MESSAGE_FIELDS_H_
