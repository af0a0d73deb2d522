// Asks the control plane whether a request may go on, through the access cache.
//
// Thread-safe.
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
#include "gateway/login_guard.h"
#include "registry/v1/access.pb.h"

namespace registry::gateway {

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
