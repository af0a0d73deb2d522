// Asks the control plane who may do what: authorization, through the access cache, and tokens.
//
// Unknown clients cause these calls, so a CallGate bounds the memory of all of them; a waiting
// request holds only its own memory. Thread-safe.
#ifndef REGISTRY_GATEWAY_ACCESS_ACCESS_H_
#define REGISTRY_GATEWAY_ACCESS_ACCESS_H_

#include <boost/asio/io_context.hpp>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "gateway/access/access_cache.h"
#include "gateway/access/login_guard.h"
#include "gateway/clients/control_plane_client.h"
#include "gateway/limits/call_gate.h"
#include "registry/v1/access.pb.h"

namespace registry::gateway {

class Access {
 public:
  // `control_plane` must outlive this object.
  explicit Access(ControlPlaneClient& control_plane);

  // Follows the policy's revision until Stop. Runs on `loop`.
  void Start(boost::asio::io_context& loop);
  // Returns immediately; the watch ends soon after.
  void Stop();

  // `actions` makes the list of the request's actions each time that it is needed: 100 tags make a
  // long list. Errors: UNAVAILABLE if the control plane cannot answer, or has not caught up with
  // the policy within base::kPolicyLag.
  http::Awaitable<absl::StatusOr<AccessAnswer>> Authorize(
      const v1::Credential& credential, absl::FunctionRef<std::vector<v1::Action>()> actions,
      absl::string_view client_address);

  // Likewise calls `request` on demand. Errors: those of the RPC.
  http::Awaitable<absl::StatusOr<v1::IssueTokenResponse>> IssueToken(
      absl::FunctionRef<v1::IssueTokenRequest()> request);

 private:
  struct Question {
    // A hash of credential and actions.
    std::string cache_key;
    // The memory that the call takes.
    size_t bytes;
    bool without_actions;
  };

  http::Awaitable<void> WatchPolicy(boost::asio::io_context& loop);
  Question Summarize(const v1::Credential& credential,
                     const std::vector<v1::Action>& actions) const;
  // Calls with a password take the time of bcrypt, and must not delay others.
  CallGate& GateFor(const v1::Credential& credential) {
    return credential.has_basic() ? password_calls_ : calls_;
  }

  ControlPlaneClient& control_plane_;
  // Cache keys hold no credentials, only hashes of them under this key, new in each process.
  const std::string hash_key_;
  AccessCache cache_;
  LoginGuard logins_;
  CallGate calls_{{.bytes = base::kAccessCallsBytes}};
  CallGate password_calls_{{.bytes = base::kAccessCallsBytes}};
  std::mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<ControlPlaneClient::PolicyWatch> watch_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_ACCESS_ACCESS_H_
