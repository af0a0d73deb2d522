// The flags of `simple-registry serve`, from its arguments and the environment.
//
// How they are written: arguments.h. A variable wins over the default. Thread-safe.
#ifndef REGISTRY_APP_FLAGS_H_
#define REGISTRY_APP_FLAGS_H_

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "app/arguments.h"
#include "app/host_port.h"
#include "gateway/http/trusted_proxies.h"

namespace registry::app {

struct ServeFlags {
  HostPort address = {.host = "0.0.0.0", .port = 5000};
  std::string data_dir = "./data";
  std::string admin_name = "admin";
  // Exactly one of these two is set, or none with config_folders; ReadAdminPassword
  // (admin_password.h) reads them.
  std::string admin_password;
  std::string admin_password_file;
  // PEM files for HTTPS: both or none.
  std::string cert_file;
  std::string key_file;
  // A regular expression, empty for none: repositories that may hold sparse manifests.
  std::string sparse;
  // Folders of YAML files; with any of them the policy comes from there, and not from the admin
  // flags.
  std::vector<std::string> config_folders;
  // At most one of these two: what signs tokens is derived from it.
  std::string token_secret;
  std::string token_secret_file;
  // How long tokens are good for.
  std::chrono::seconds token_timeout{300};
  bool ui = false;
  // Where the admin API listens besides its socket in the data folder. With an address all three
  // PEM files are set: the server's certificate and key, and the CA of clients' certificates.
  std::optional<HostPort> grpc_address;
  std::string grpc_cert_file;
  std::string grpc_key_file;
  std::string grpc_ca_file;
  // Whose X-Forwarded-For is believed.
  gateway::TrustedProxies trusted_proxies;

  // The flags that were given, by argument or variable: they win over files.
  std::set<std::string, std::less<>> given;

  // To be logged: variables that look like flags and are none.
  std::vector<std::string> warnings;
};

// The folders of `check -cfgdir DIR...`, without what else serve takes. Error as below.
absl::StatusOr<std::vector<std::string>> ParseCheckFlags(absl::Span<const char* const> args,
                                                         const Environment& environment);

// `args` is what follows "serve". Error: INVALID_ARGUMENT with one sentence that names the flag or
// variable, its value (never a password's) and the remedy.
absl::StatusOr<ServeFlags> ParseServeFlags(absl::Span<const char* const> args,
                                           const Environment& environment);

}  // namespace registry::app

#endif  // REGISTRY_APP_FLAGS_H_
