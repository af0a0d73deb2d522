// Composition root: creates the three planes and connects them.
//
// `serve` runs the three planes in one process. They talk through the same generated stubs as in a
// cluster, over in-process channels; only HTTP and the admin API listen.
#ifndef REGISTRY_APP_COMPOSE_H_
#define REGISTRY_APP_COMPOSE_H_

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "app/config/host_port.h"
#include "app/renewals.h"
#include "base/http/trusted_proxies.h"
#include "controlplane/metadata/upload_room.h"
#include "controlplane/policy/objects.h"

namespace registry::app {

struct RegistryOptions {
  // HTTP listens here. An empty host means all addresses, port 0 any free port.
  std::string host;
  uint16_t port = 5000;
  std::string data_directory;
  // A PostgreSQL URL; empty: SQLite in the data folder.
  std::string database;
  controlplane::ConfiguredPolicy policy;
  // Reads the policy's files again; empty if the policy comes from flags alone.
  std::function<absl::StatusOr<controlplane::ConfiguredPolicy>()> load_policy;
  // The files that the registry also reads again soon after they change.
  FileState policy_files;
  // The key that signs tokens is derived from it. If empty, the registry generates a key once and
  // keeps it.
  std::string token_secret;
  // Reads the secret's file again; empty if the secret has no file of its own.
  std::function<absl::StatusOr<std::string>()> load_token_secret;
  FileState token_secret_file;
  std::chrono::seconds token_lifetime{300};
  // PEM files: both or neither.
  std::string certificate_file;
  std::string private_key_file;
  // A regular expression for repositories that may hold sparse manifests; empty for none.
  std::string sparse_repositories;
  // Limits on the bytes of unfinished uploads.
  controlplane::UploadLimits upload_limits;
  // The admin API listens here too, besides its socket in the data folder. PEM files for mutual
  // TLS: the server's certificate and key, and the CA of the clients' certificates.
  std::optional<HostPort> admin_address;
  std::string admin_certificate_file;
  std::string admin_private_key_file;
  std::string admin_ca_file;
  // The gateway trusts Forwarded and X-Forwarded-* from these.
  http::TrustedProxies trusted_proxies;
  // A result of http::ParsePublicUrl; if empty, proxies or Host headers determine the URL.
  std::string public_url;
  // Limits on open connections per client address, and on requests per second of a client address
  // and of a user; 0: no limit.
  int client_connections = 0;
  int client_requests = 0;
  int user_requests = 0;
};

// A whole registry in one process. Thread-safe.
class Registry {
 public:
  // Returns once the registry serves. Errors are sentences for the person who started it.
  static absl::StatusOr<std::unique_ptr<Registry>> Start(RegistryOptions options);

  // Unless Stop was called, stops without waiting for requests.
  ~Registry();

  // The address on which HTTP listens.
  std::string address() const;

  // Reads the policy's files again, and the files of certificates and secrets that have changed.
  // Logs mistakes in them and keeps the old state. Blocks.
  void ReloadFiles();

  // Makes /readyz answer 503. Everything else works as before.
  void AnnounceStop();

  // Stops accepting and waits for requests in progress, at most `timeout`. Returns how many it cut
  // off.
  size_t Stop(std::chrono::milliseconds timeout);

  // Ends the wait of Stop as if `timeout` were over; may come before Stop.
  void CutOff();

 private:
  struct Parts;
  explicit Registry(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace registry::app

#endif  // REGISTRY_APP_COMPOSE_H_
