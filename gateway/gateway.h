// The gateway: HTTP outside, gRPC to the planes inside. It keeps no state but the access cache.
//
//   absl::StatusOr<std::unique_ptr<Gateway>> gateway = Gateway::Start({.server = …, …});
//   …
//   (*gateway)->Stop();
//
// Thread-safe.
#ifndef REGISTRY_GATEWAY_GATEWAY_H_
#define REGISTRY_GATEWAY_GATEWAY_H_

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/limits.h"
#include "gateway/http/trusted_proxies.h"

namespace grpc {
class Channel;
}

namespace registry::gateway {

struct GatewayOptions {
  // Where to listen; port 0 takes any free port. An empty host means all addresses.
  std::string host = "0.0.0.0";
  uint16_t port = 5000;
  // PEM files: certificate chain and key. Both or none; none means plain HTTP.
  std::string certificate_file;
  std::string private_key_file;
  // 0: one for each processor.
  size_t threads = 0;
  // The gateway trusts Forwarded and X-Forwarded-* from these.
  TrustedProxies trusted_proxies;
  // As ParsePublicUrl (http/public_url.h) returns it; empty: proxies or Host headers tell.
  std::string public_url;

  std::shared_ptr<grpc::Channel> control_plane;
  // Each storage node's id, as the control plane knows it, and its channel.
  std::vector<std::pair<std::string, std::shared_ptr<grpc::Channel>>> storage_nodes;
};

class Gateway {
 public:
  // Listens and serves. Errors: INVALID_ARGUMENT (address, certificate, key), UNAVAILABLE (the
  // address is in use).
  static absl::StatusOr<std::unique_ptr<Gateway>> Start(GatewayOptions options);

  // Stops as Stop does, without waiting for requests.
  ~Gateway();

  // The address that is being listened on, for example "127.0.0.1:5000".
  std::string address() const;

  // Stops accepting and waits for the requests under way, at most `timeout`. Returns how many were
  // cut off. Call it once.
  size_t Stop(std::chrono::milliseconds timeout = base::kDrainTimeout);

 private:
  struct Parts;
  explicit Gateway(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_GATEWAY_H_
