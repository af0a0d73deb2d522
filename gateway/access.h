// Asks the control plane whether a request may go on, through the access cache.
//
// Thread-safe. Source: behaviour of the Docker token specification; RFC 7617, RFC 6750.
#ifndef REGISTRY_GATEWAY_ACCESS_H_
#define REGISTRY_GATEWAY_ACCESS_H_

#include <boost/asio/io_context.hpp>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "gateway/access_cache.h"
#include "gateway/control_plane.h"
#include "gateway/http/message.h"
#include "gateway/login_guard.h"
#include "registry/v1/access.pb.h"

namespace registry::gateway {

// The `service` of challenges and the audience of tokens.
inline constexpr absl::string_view kTokenService = "simple-registry";

// What the Authorization header holds; nothing set without one.
// Error: UNAUTHORIZED for what is neither Basic nor Bearer.
absl::StatusOr<v1::Credential> ParseCredential(const Request& request);

// The WWW-Authenticate header of a refusal: how to get a token for `actions`.
std::string Challenge(const Request& request, const std::vector<v1::Action>& actions,
                      AccessDecision decision);

class Access {
 public:
  // `control_plane` must outlive this object.
  explicit Access(ControlPlane& control_plane);

  // Follows the policy's revision until Stop. Runs on `loop`.
  void Start(boost::asio::io_context& loop);
  // Returns at once; the watch ends soon after.
  void Stop();

  // Errors: UNAVAILABLE when the control plane cannot answer.
  Awaitable<absl::StatusOr<AccessAnswer>> Authorize(const v1::Credential& credential,
                                                    const std::vector<v1::Action>& actions,
                                                    absl::string_view client_address);

 private:
  Awaitable<void> WatchPolicy(boost::asio::io_context& loop);
  std::string CacheKey(const v1::Credential& credential,
                       const std::vector<v1::Action>& actions) const;

  ControlPlane& control_plane_;
  // Credentials are not kept: only their hash under this key, made anew in each process.
  const std::string hash_key_;
  AccessCache cache_;
  LoginGuard logins_;
  std::mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<ControlPlane::PolicyWatch> watch_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_ACCESS_H_
