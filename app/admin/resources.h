// The resources of the admin API as the command line has them: which words and flags make which
// messages and fields of admin.proto, and what their tables show.
//
// Thread-safe.
#ifndef REGISTRY_APP_ADMIN_RESOURCES_H_
#define REGISTRY_APP_ADMIN_RESOURCES_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace registry::app::admin {

// A flag that sets a field. For a repeated field there are also "add…" and "remove…" of it.
struct FieldFlag {
  absl::string_view flag;
  absl::string_view field;
  // Of the resource that the field names: "devs" stands for "groups/devs". Empty for other text.
  absl::string_view collection = "";
  // A value is a list, split at its commas.
  bool is_list = false;
  // To create a resource it must be given.
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

// nullptr when there is none of that word.
const ResourceType* FindResourceType(absl::string_view word);

}  // namespace registry::app::admin

#endif  // REGISTRY_APP_ADMIN_RESOURCES_H_
