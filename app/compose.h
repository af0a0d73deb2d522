// The composition root: reading it shows what talks to what.
//
// `serve` runs the three planes in one process. They talk through the same generated stubs as in a
// cluster, over in-process channels; only HTTP listens.
#ifndef REGISTRY_APP_COMPOSE_H_
#define REGISTRY_APP_COMPOSE_H_

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "app/host_port.h"
#include "controlplane/policy_files.h"
#include "gateway/http/trusted_proxies.h"

namespace registry::app {

struct RegistryOptions {
  // Where HTTP listens; an empty host means all addresses, port 0 any free port.
  std::string host;
  uint16_t port = 5000;
  std::string data_directory;
  controlplane::PolicyObjects policy;
  // By user name: passwords of users whom `policy` gives no hash.
  std::map<std::string, std::string> passwords;
  // Reads the files of the policy again; empty when it comes from flags.
  std::function<absl::StatusOr<controlplane::LoadedFiles>()> load_files;
  // What signs tokens is derived from it; empty: it is generated once and kept.
  std::string token_secret;
  std::chrono::seconds token_lifetime{300};
  // PEM files, both or none.
  std::string certificate_file;
  std::string private_key_file;
  // A regular expression; empty: no repository may hold sparse manifests.
  std::string sparse_repositories;
  // Where the admin API listens besides its socket in the data folder, with PEM files for mutual
  // TLS: the server's certificate and key, and the CA of clients' certificates.
  std::optional<HostPort> admin_address;
  std::string admin_certificate_file;
  std::string admin_private_key_file;
  std::string admin_ca_file;
  // Whose X-Forwarded-For is believed.
  gateway::TrustedProxies trusted_proxies;
};

// A whole registry in one process. Thread-safe.
class Registry {
 public:
  // Serves when it returns. Errors are sentences for the person who started it.
  static absl::StatusOr<std::unique_ptr<Registry>> Start(RegistryOptions options);

  // Stops without waiting for requests, unless Stop was called.
  ~Registry();

  // Where HTTP listens.
  std::string address() const;

  // Reads the files of the policy again, where it has any; what is wrong is logged. Blocks.
  void ReloadFiles();

  // Stops accepting and finishes the requests under way, at most base::kDrainTimeout. Returns how
  // many were cut off.
  size_t Stop();

 private:
  struct Parts;
  explicit Registry(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace registry::app

#endif  // REGISTRY_APP_COMPOSE_H_
