// Maps the command line to the admin API: the words and flags for messages and fields of
// admin.proto, and the columns that tables show.
//
// Thread-safe.
#ifndef REGISTRY_APP_ADMIN_RESOURCES_H_
#define REGISTRY_APP_ADMIN_RESOURCES_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace registry::app::admin {

// A flag that sets a field. A repeated field also has the flags "add…" and "remove…".
struct FieldFlag {
  absl::string_view flag;
  absl::string_view field;
  // The collection of the resources that the field names: with "groups", "devs" stands for
  // "groups/devs". Empty for other text.
  absl::string_view collection = "";
  // The value is a list, separated by commas.
  bool is_list = false;
  // `create` requires the flag.
  bool is_required = false;
};

struct Column {
  absl::string_view header;
  absl::string_view field;
};

struct ResourceType {
  // "bindings"
  absl::string_view word;
  // "roleBindings", "RoleBinding", "RoleBindings"
  absl::string_view collection;
  absl::string_view singular;
  absl::string_view plural;
  absl::Span<const FieldFlag> flags;
  absl::Span<const Column> columns;
};

absl::Span<const ResourceType> ResourceTypes();

// nullptr if no type has that word.
const ResourceType* FindResourceType(absl::string_view word);

}  // namespace registry::app::admin

#endif  // REGISTRY_APP_ADMIN_RESOURCES_H_
