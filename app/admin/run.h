// Shared state and helpers of the commands of `simple-registry admin`.
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

  // Returns true if the flag is given.
  bool Has(absl::string_view flag) const { return arguments.settings.contains(flag); }

  void Print(absl::string_view text) const { cli.output << text; }

  // Prints the message as JSON, including empty fields.
  absl::Status PrintJson(const google::protobuf::Message& message) const;
};

// Runs list, get, create, update and delete on resources of `arguments.type`, and `users revoke`.
absl::Status RunResourceCommand(const Run& run);

// Runs the commands without a type: explain, reload, audit.
absl::Status RunPolicyCommand(const Run& run);

}  // namespace registry::app::admin

#endif  // REGISTRY_APP_ADMIN_RUN_H_
