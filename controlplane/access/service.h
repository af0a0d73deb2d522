// Authentication and authorization: the methods of registry.v1.AccessService, for every binding
// (base/call.h).
//
// No call blocks: bcrypt runs on other threads, which then answer the call. One snapshot of the
// policy decides each answer, and the answer carries its revision. Call CloseWatches before the
// server's Shutdown, which otherwise waits for the streams until its deadline.
//
// Thread-safe. Must outlive its calls.
#ifndef REGISTRY_CONTROLPLANE_ACCESS_SERVICE_H_
#define REGISTRY_CONTROLPLANE_ACCESS_SERVICE_H_

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "base/call.h"
#include "base/limits.h"
#include "base/worker_pool.h"
#include "controlplane/access/password_verifier.h"
#include "controlplane/access/policy_watch.h"
#include "controlplane/access/tokens.h"
#include "controlplane/policy/holder.h"
#include "controlplane/sql/database.h"
#include "registry/v1/access.pb.h"

namespace registry::controlplane {

struct AccessServiceOptions {
  std::shared_ptr<PolicyHolder> policy;
  TokenSignerOptions tokens;
  // Stores refresh tokens, and the threads that query it.
  Database* database = nullptr;
  base::WorkerPool* pool = nullptr;
  PasswordVerifierOptions passwords = {};
  std::chrono::milliseconds heartbeat = base::kPolicyHeartbeat;
  size_t max_watches = base::kMaxPolicyWatches;
};

class AccessService final {
 public:
  // Errors: those of TokenSigner::Create.
  static absl::StatusOr<std::unique_ptr<AccessService>> Create(AccessServiceOptions options);

  // Signs tokens with this key from now on, and accepts no tokens with another key. The caller must
  // then create a new revision of the policy, because gateways may have cached answers for tokens
  // of the old key. Error: that of TokenSigner::Create.
  absl::Status UseSigningKey(const std::string& key);

  // Ends all WatchPolicy streams, including those that begin later.
  void CloseWatches() { watch_.Close(); }

  void Authorize(const v1::AuthorizeRequest* request, v1::AuthorizeResponse* response,
                 const base::CallInfo* call, base::Done done);
  void IssueToken(const v1::IssueTokenRequest* request, v1::IssueTokenResponse* response,
                  const base::CallInfo* call, base::Done done);
  // The WatchPolicy streams.
  PolicyWatch& watch() { return watch_; }

 private:
  AccessService(AccessServiceOptions options, std::shared_ptr<const TokenSigner> tokens);

  std::shared_ptr<const TokenSigner> tokens() const {
    std::lock_guard lock(tokens_mutex_);
    return tokens_;
  }

  // Authorize by kind of credential; both fill `response`.
  void AuthorizeAnonymous(const PolicySnapshot& snapshot, const std::vector<Action>& actions,
                          v1::AuthorizeResponse* response) const;
  void AuthorizeToken(const PolicySnapshot& snapshot, absl::string_view token,
                      const std::vector<Action>& actions, v1::AuthorizeResponse* response) const;

  // Checks the basic credential against the policy of `snapshot` and passes on the user's
  // credential or an error: UNAUTHORIZED for a wrong name or password, TOOMANYREQUESTS.
  using LoginCallback = std::function<void(const absl::StatusOr<UserCredential>&)>;
  void LogIn(const base::CallInfo* call, PolicySnapshot snapshot,
             const v1::BasicCredential& credential, absl::string_view client_address,
             LoginCallback done);

  absl::Status Issue(const PolicySnapshot& snapshot, const UserCredential& credential,
                     const v1::IssueTokenRequest& request, v1::IssueTokenResponse* response) const;
  // Like Issue, for a request that wants or has a refresh token; runs SQL. `credential` is that of
  // the user who logged in; nullopt if the request has a refresh token.
  absl::Status IssueOffline(const PolicySnapshot& snapshot,
                            std::optional<UserCredential> credential,
                            const v1::IssueTokenRequest& request,
                            v1::IssueTokenResponse* response) const;
  // Runs IssueOffline on a thread of the pool, then finishes the call.
  void SubmitOffline(const base::CallInfo* call, base::Done done, const PolicySnapshot& snapshot,
                     const std::optional<UserCredential>& credential,
                     const v1::IssueTokenRequest* request, v1::IssueTokenResponse* response);

  const std::shared_ptr<PolicyHolder> policy_;
  mutable std::mutex tokens_mutex_;
  std::shared_ptr<const TokenSigner> tokens_ ABSL_GUARDED_BY(tokens_mutex_);
  Database* const database_;
  base::WorkerPool* const pool_;
  PolicyWatch watch_;
  PasswordVerifier passwords_;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_ACCESS_SERVICE_H_
