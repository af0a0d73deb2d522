// The arguments of `simple-registry admin`.
//
//   admin -datadir /var/lib/simple-registry users create bob -groups devs,ops
//   admin explain bob push team/app:v1 -o json
//
// Thread-safe.
#ifndef REGISTRY_APP_ADMIN_ARGUMENTS_H_
#define REGISTRY_APP_ADMIN_ARGUMENTS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "app/admin/resources.h"
#include "app/arguments.h"
#include "app/host_port.h"

namespace registry::app::admin {

// Which registry.
struct Target {
  std::string data_dir = "./data";
  // Instead of the socket in data_dir, with PEM files for mutual TLS: the client's certificate and
  // key, and the CA of the server's certificate.
  std::optional<HostPort> server;
  std::string client_cert_file;
  std::string client_key_file;
  std::string server_ca_file;
};

struct AdminArguments {
  Target target;
  bool json = false;
  // Of events that `audit` shows.
  int32_t limit = 50;
  // What is done: "list", "get", "create", "update", "delete" with `type`; "revoke" (of users),
  // "explain", "reload", "audit" without.
  std::string command;
  const ResourceType* type = nullptr;
  // The words behind: names of resources, without "users/" and the like, or what to explain.
  std::vector<std::string> words;
  // The other flags, all of which the command takes.
  Settings settings;
};

// `args` is what follows "admin". Values of flags are checked, too. Error: INVALID_ARGUMENT with
// one sentence.
absl::StatusOr<AdminArguments> ParseAdminArguments(absl::Span<const char* const> args,
                                                   const Environment& environment);

// The error "WHY; see 'simple-registry help admin'".
absl::Status WrongAdminArguments(absl::string_view why);

}  // namespace registry::app::admin

#endif  // REGISTRY_APP_ADMIN_ARGUMENTS_H_
