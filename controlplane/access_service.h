// Who may do what: the gRPC service registry.v1.AccessService.
//
//   absl::StatusOr<std::unique_ptr<AccessService>> access = AccessService::Create(
//       {.policy = holder, .tokens = {.signing_key = key}});
//   grpc::ServerBuilder().RegisterService(access->get());
//   …
//   (*access)->CloseWatches();  // ends the streams, else Shutdown waits for its deadline
//   server->Shutdown(deadline);
//
// No call blocks a thread of gRPC: bcrypt runs on threads of its own and the call is answered from
// there. Every answer is decided by one snapshot of the policy, whose revision it carries.
//
// Thread-safe. Must outlive the server.
#ifndef REGISTRY_CONTROLPLANE_ACCESS_SERVICE_H_
#define REGISTRY_CONTROLPLANE_ACCESS_SERVICE_H_

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "base/limits.h"
#include "base/worker_pool.h"
#include "controlplane/password_verifier.h"
#include "controlplane/policy_holder.h"
#include "controlplane/policy_watch.h"
#include "controlplane/sql/database.h"
#include "controlplane/tokens.h"
#include "registry/v1/access.grpc.pb.h"

namespace registry::controlplane {

struct AccessServiceOptions {
  std::shared_ptr<PolicyHolder> policy;
  TokenSignerOptions tokens;
  // Where refresh tokens are kept, and the threads that ask it.
  Database* database = nullptr;
  base::WorkerPool* pool = nullptr;
  PasswordVerifierOptions passwords = {};
  std::chrono::milliseconds heartbeat = base::kPolicyHeartbeat;
  size_t max_watches = base::kMaxPolicyWatches;
};

class AccessService final : public v1::AccessService::CallbackService {
 public:
  // Errors: those of TokenSigner::Create.
  static absl::StatusOr<std::unique_ptr<AccessService>> Create(AccessServiceOptions options);

  // Ends all WatchPolicy streams, also those that begin later.
  void CloseWatches() { watch_.Close(); }

  grpc::ServerUnaryReactor* Authorize(grpc::CallbackServerContext* context,
                                      const v1::AuthorizeRequest* request,
                                      v1::AuthorizeResponse* response) override;
  grpc::ServerUnaryReactor* IssueToken(grpc::CallbackServerContext* context,
                                       const v1::IssueTokenRequest* request,
                                       v1::IssueTokenResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchPolicyResponse>* WatchPolicy(
      grpc::CallbackServerContext* context, const v1::WatchPolicyRequest* request) override;

 private:
  AccessService(AccessServiceOptions options, std::unique_ptr<TokenSigner> tokens);

  // Authorize, by kind of credential. Each fills `response`.
  void AuthorizeAnonymous(const PolicySnapshot& snapshot, const std::vector<Action>& actions,
                          v1::AuthorizeResponse* response) const;
  void AuthorizeToken(const PolicySnapshot& snapshot, absl::string_view token,
                      const std::vector<Action>& actions, v1::AuthorizeResponse* response) const;

  // Finds who presents the basic credential, by the policy of `snapshot`, and hands on the user's
  // credential, or an error: UNAUTHORIZED for a wrong name or password, TOOMANYREQUESTS.
  using LoginCallback = std::function<void(const absl::StatusOr<UserCredential>&)>;
  void LogIn(PolicySnapshot snapshot, const v1::BasicCredential& credential,
             absl::string_view client_address, LoginCallback done);

  absl::Status Issue(const PolicySnapshot& snapshot, const UserCredential& credential,
                     const v1::IssueTokenRequest& request, v1::IssueTokenResponse* response) const;
  // The same for a request that gets or has a refresh token; runs SQL. `credential` is of who
  // logged in; nullopt when there is a refresh token.
  absl::Status IssueOffline(const PolicySnapshot& snapshot,
                            std::optional<UserCredential> credential,
                            const v1::IssueTokenRequest& request,
                            v1::IssueTokenResponse* response) const;
  // IssueOffline on a thread of the pool, then finishes the call.
  void SubmitOffline(grpc::ServerUnaryReactor* reactor, const PolicySnapshot& snapshot,
                     const std::optional<UserCredential>& credential,
                     const v1::IssueTokenRequest* request, v1::IssueTokenResponse* response);

  const std::shared_ptr<PolicyHolder> policy_;
  const std::unique_ptr<TokenSigner> tokens_;
  Database* const database_;
  base::WorkerPool* const pool_;
  PolicyWatch watch_;
  PasswordVerifier passwords_;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_ACCESS_SERVICE_H_
