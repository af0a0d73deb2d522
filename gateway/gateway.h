// The gateway: serves HTTP and calls the other planes over gRPC. Its only state is the access
// cache.
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
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/http/tls_identity.h"
#include "base/http/trusted_proxies.h"
#include "base/limits.h"

namespace grpc {
class Channel;
}

namespace registry::gateway {

struct GatewayOptions {
  // The address to listen on. Port 0 picks a free port; an empty host means all addresses.
  std::string host = "0.0.0.0";
  uint16_t port = 5000;
  // Absent: plain HTTP.
  std::optional<http::TlsIdentity> tls;
  // 0 means one per processor.
  size_t threads = 0;
  // The gateway trusts Forwarded and X-Forwarded-* from these.
  http::TrustedProxies trusted_proxies;
  // A result of ParsePublicUrl (base/http/public_url.h); if empty, proxies or Host headers
  // determine it.
  std::string public_url;
  // Open connections per client address (IPv6: per /64); 0: no limit. Trusted proxies are exempt.
  size_t max_connections_per_client = 0;
  // Requests per second of one client address, as trusted proxies tell it, and of one user; 0: no
  // limit (limits/request_rate.h).
  int max_requests_per_client = 0;
  int max_requests_per_user = 0;

  std::shared_ptr<grpc::Channel> control_plane;
  // Each storage node's id, as the control plane knows it, and its channel.
  std::vector<std::pair<std::string, std::shared_ptr<grpc::Channel>>> storage_nodes;
};

class Gateway {
 public:
  // Starts to listen and serve. Errors: INVALID_ARGUMENT (address, certificate, key), UNAVAILABLE
  // (the address is in use).
  static absl::StatusOr<std::unique_ptr<Gateway>> Start(GatewayOptions options);

  // Like Stop, but does not wait for requests.
  ~Gateway();

  // The address that the gateway listens on, for example "127.0.0.1:5000".
  std::string address() const;

  // Connections that begin from now on get this certificate. For a gateway that was started with
  // one. Error: INVALID_ARGUMENT, and the old one stays.
  absl::Status UseCertificate(const http::TlsIdentity& identity);

  // From now on /readyz answers 503, so that load balancers send nobody here any more. All else is
  // served as before.
  void AnnounceStop();

  // Stops accepting and waits at most `timeout` for requests in progress. Returns how many it cut
  // off. Call it once.
  size_t Stop(std::chrono::milliseconds timeout = base::kDrainTimeout);

  // Ends the wait of Stop as if its time were over; may come before Stop.
  void CutOff();

 private:
  struct Parts;
  explicit Gateway(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_GATEWAY_H_
