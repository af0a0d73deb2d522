// One run of `simple-registry admin`, and what all of its commands do alike.
#ifndef REGISTRY_APP_ADMIN_RUN_H_
#define REGISTRY_APP_ADMIN_RUN_H_

#include <google/protobuf/message.h>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "app/admin/arguments.h"
#include "app/admin/client.h"
#include "app/cli.h"

namespace registry::app::admin {

struct Run {
  const Cli& cli;
  const AdminArguments& arguments;
  Client& client;

  // Whether the flag is given.
  bool Has(absl::string_view flag) const { return arguments.settings.contains(flag); }

  void Print(absl::string_view text) const { cli.output << text; }

  // The message as JSON, with the fields that are empty, too.
  absl::Status PrintJson(const google::protobuf::Message& message) const;
};

// list, get, create, update and delete of the resources of `arguments.type`, and `users revoke`.
absl::Status RunResourceCommand(const Run& run);

// What has no type: explain, reload, audit.
absl::Status RunPolicyCommand(const Run& run);

}  // namespace registry::app::admin

#endif  // REGISTRY_APP_ADMIN_RUN_H_
