// Asks the control plane who may do what: authorization, through the access cache, and tokens.
//
// Clients that nobody knows cause these calls, so a CallGate bounds the memory of all of them; who
// waits at it holds nothing but its request. Thread-safe.
#ifndef REGISTRY_GATEWAY_ACCESS_H_
#define REGISTRY_GATEWAY_ACCESS_H_

#include <boost/asio/io_context.hpp>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "gateway/access_cache.h"
#include "gateway/call_gate.h"
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

  // `actions` makes the list of what the request is about to do, each time that it is needed: 100
  // tags make a long one. Errors: UNAVAILABLE when the control plane cannot answer, also when it
  // has not caught up with the policy within base::kPolicyLag.
  Awaitable<absl::StatusOr<AccessAnswer>> Authorize(
      const v1::Credential& credential, absl::FunctionRef<std::vector<v1::Action>()> actions,
      absl::string_view client_address);

  // Likewise `request` is called when it is needed. Errors: those of the RPC.
  Awaitable<absl::StatusOr<v1::IssueTokenResponse>> IssueToken(
      absl::FunctionRef<v1::IssueTokenRequest()> request);

 private:
  struct Question {
    // A hash of credential and actions.
    std::string cache_key;
    // What the call about them takes in memory.
    size_t bytes;
    bool without_actions;
  };

  Awaitable<void> WatchPolicy(boost::asio::io_context& loop);
  Question Summarize(const v1::Credential& credential,
                     const std::vector<v1::Action>& actions) const;
  // Those with a password take the time of bcrypt, and must not hold up the others.
  CallGate& GateFor(const v1::Credential& credential) {
    return credential.has_basic() ? password_calls_ : calls_;
  }

  ControlPlane& control_plane_;
  // Credentials are not kept: only their hash under this key, made anew in each process.
  const std::string hash_key_;
  AccessCache cache_;
  LoginGuard logins_;
  CallGate calls_{{.bytes = base::kAccessCallsBytes}};
  CallGate password_calls_{{.bytes = base::kAccessCallsBytes}};
  std::mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<ControlPlane::PolicyWatch> watch_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_ACCESS_H_
