// The flags of `simple-registry serve`, from its arguments and the environment.
//
// arguments.h describes their syntax. A variable wins over the default. Thread-safe.
#ifndef REGISTRY_APP_CONFIG_FLAGS_H_
#define REGISTRY_APP_CONFIG_FLAGS_H_

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "app/config/arguments.h"
#include "app/config/host_port.h"
#include "base/http/trusted_proxies.h"
#include "base/limits.h"

namespace registry::app {

struct ServeFlags {
  HostPort address = {.host = "0.0.0.0", .port = 5000};
  std::string data_dir = "./data";
  // postgresql://…, a URL that PostgresEngine accepts; empty: SQLite in the data folder.
  std::string database;
  std::string admin_name = "admin";
  // Exactly one of these two is set, or neither with config_folders; ReadAdminPassword
  // (admin_password.h) reads them.
  std::string admin_password;
  std::string admin_password_file;
  // PEM files for HTTPS: both or neither.
  std::string cert_file;
  std::string key_file;
  // A regular expression, empty for none: repositories that may hold sparse manifests.
  std::string sparse;
  // Limits on the bytes of unfinished uploads, of all users and of each user; 0: no limit.
  int64_t upload_limit = 0;
  int64_t upload_limit_user = 0;
  // Folders of YAML files. If any is given, the policy comes from the files, not from the admin
  // flags.
  std::vector<std::string> config_folders;
  // At most one of these two is set: the key that signs tokens is derived from it.
  std::string token_secret;
  std::string token_secret_file;
  // Lifetime of issued tokens.
  std::chrono::seconds token_timeout{300};
  bool ui = false;
  // The admin API listens here too, besides its socket in the data folder. With an address, all
  // three PEM files are set: the server's certificate and key, and the CA of clients' certificates.
  std::optional<HostPort> grpc_address;
  std::string grpc_cert_file;
  std::string grpc_key_file;
  std::string grpc_ca_file;
  // The gateway trusts Forwarded and X-Forwarded-* from these.
  http::TrustedProxies trusted_proxies;
  // http(s)://HOST[:PORT] for clients; if empty, proxies or Host headers determine it.
  std::string public_url;
  // After SIGTERM: how long to serve everything while /readyz answers 503, and then how long
  // transfers may continue.
  std::chrono::seconds shutdown_delay{0};
  std::chrono::seconds drain_timeout = base::kDrainTimeout;
  // Limits on open connections per client address, and on requests per second of a client address
  // and of a user; 0: no limit.
  int client_connections = 0;
  int client_requests = 0;
  int user_requests = 0;

  // Flags given by argument or variable: they win over files.
  std::set<std::string, std::less<>> given;

  // For the caller to log: variables that name no flag.
  std::vector<std::string> warnings;
};

// The folders of `check -cfgdir DIR...`; check takes no other flags. Error: as below.
absl::StatusOr<std::vector<std::string>> ParseCheckFlags(absl::Span<const char* const> args,
                                                         const Environment& environment);

// `args` are the arguments after "serve". Error: INVALID_ARGUMENT, one sentence that names the flag
// or variable, its value (never a password) and the remedy.
absl::StatusOr<ServeFlags> ParseServeFlags(absl::Span<const char* const> args,
                                           const Environment& environment);

}  // namespace registry::app

#endif  // REGISTRY_APP_CONFIG_FLAGS_H_
