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
#include "app/config/arguments.h"
#include "app/config/host_port.h"

namespace registry::app::admin {

// The registry to call.
struct Target {
  std::string data_dir = "./data";
  // If set, used instead of the socket in data_dir. PEM files for mutual TLS: the client's
  // certificate and key, and the CA of the server's certificate.
  std::optional<HostPort> server;
  std::string client_cert_file;
  std::string client_key_file;
  std::string server_ca_file;
};

struct AdminArguments {
  Target target;
  bool json = false;
  // The number of events that `audit` shows.
  int32_t limit = 50;
  // With `type`: "list", "get", "create", "update", "delete", or "revoke" (users only). Without:
  // "explain", "reload", "audit".
  std::string command;
  const ResourceType* type = nullptr;
  // The words after the command: names of resources, without "users/" and the like, or the
  // arguments of `explain`.
  std::vector<std::string> words;
  // The remaining flags; the command takes all of them.
  Settings settings;
};

// `args` are the arguments after "admin". Checks the values of flags, too. Error: INVALID_ARGUMENT
// with one sentence.
absl::StatusOr<AdminArguments> ParseAdminArguments(absl::Span<const char* const> args,
                                                   const Environment& environment);

// The error "WHY; see 'simple-registry help admin'".
absl::Status WrongAdminArguments(absl::string_view why);

}  // namespace registry::app::admin

#endif  // REGISTRY_APP_ADMIN_ARGUMENTS_H_
