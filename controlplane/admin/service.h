// The admin API: implements the gRPC service registry.v1.AdminService, documented in admin.proto.
//
//   AdminService admin({.database = &database, .store = &store});
//   grpc::ServerBuilder().RegisterService(&admin);
//
// The service runs calls on its own single thread: changes are serialized anyway, and bcrypt and
// SQL must not block gRPC's threads. Callers may do everything; the server must admit only
// administrators.
//
// Thread-safe. Must outlive the server.
#ifndef REGISTRY_CONTROLPLANE_ADMIN_SERVICE_H_
#define REGISTRY_CONTROLPLANE_ADMIN_SERVICE_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/worker_pool.h"
#include "controlplane/policy/store.h"
#include "registry/v1/admin.grpc.pb.h"

namespace registry::controlplane {

struct AdminServiceOptions {
  Database* database = nullptr;
  PolicyStore* store = nullptr;
  // Reads the configured policy again and applies it.
  struct Reloaded {
    int64_t revision = 0;
    std::vector<std::string> warnings;
  };
  std::function<absl::StatusOr<Reloaded>(const Actor&)> reload;
};

class AdminService final : public v1::AdminService::CallbackService {
 public:
  explicit AdminService(AdminServiceOptions options);

  using Context = grpc::CallbackServerContext;
  using Reactor = grpc::ServerUnaryReactor;
  using Empty = google::protobuf::Empty;

  Reactor* ListUsers(Context*, const v1::ListUsersRequest*, v1::ListUsersResponse*) override;
  Reactor* GetUser(Context*, const v1::GetUserRequest*, v1::User*) override;
  Reactor* CreateUser(Context*, const v1::CreateUserRequest*, v1::User*) override;
  Reactor* UpdateUser(Context*, const v1::UpdateUserRequest*, v1::User*) override;
  Reactor* DeleteUser(Context*, const v1::DeleteUserRequest*, Empty*) override;
  Reactor* RevokeUserTokens(Context*, const v1::RevokeUserTokensRequest*, Empty*) override;

  Reactor* ListGroups(Context*, const v1::ListGroupsRequest*, v1::ListGroupsResponse*) override;
  Reactor* GetGroup(Context*, const v1::GetGroupRequest*, v1::Group*) override;
  Reactor* CreateGroup(Context*, const v1::CreateGroupRequest*, v1::Group*) override;
  Reactor* UpdateGroup(Context*, const v1::UpdateGroupRequest*, v1::Group*) override;
  Reactor* DeleteGroup(Context*, const v1::DeleteGroupRequest*, Empty*) override;

  Reactor* ListRoles(Context*, const v1::ListRolesRequest*, v1::ListRolesResponse*) override;
  Reactor* GetRole(Context*, const v1::GetRoleRequest*, v1::Role*) override;
  Reactor* CreateRole(Context*, const v1::CreateRoleRequest*, v1::Role*) override;
  Reactor* UpdateRole(Context*, const v1::UpdateRoleRequest*, v1::Role*) override;
  Reactor* DeleteRole(Context*, const v1::DeleteRoleRequest*, Empty*) override;

  Reactor* ListRoleBindings(Context*, const v1::ListRoleBindingsRequest*,
                            v1::ListRoleBindingsResponse*) override;
  Reactor* GetRoleBinding(Context*, const v1::GetRoleBindingRequest*, v1::RoleBinding*) override;
  Reactor* CreateRoleBinding(Context*, const v1::CreateRoleBindingRequest*,
                             v1::RoleBinding*) override;
  Reactor* UpdateRoleBinding(Context*, const v1::UpdateRoleBindingRequest*,
                             v1::RoleBinding*) override;
  Reactor* DeleteRoleBinding(Context*, const v1::DeleteRoleBindingRequest*, Empty*) override;

  Reactor* ListTokens(Context*, const v1::ListTokensRequest*, v1::ListTokensResponse*) override;
  Reactor* GetToken(Context*, const v1::GetTokenRequest*, v1::Token*) override;
  Reactor* CreateToken(Context*, const v1::CreateTokenRequest*, v1::Token*) override;
  Reactor* UpdateToken(Context*, const v1::UpdateTokenRequest*, v1::Token*) override;
  Reactor* DeleteToken(Context*, const v1::DeleteTokenRequest*, Empty*) override;

  Reactor* Explain(Context*, const v1::ExplainRequest*, v1::ExplainResponse*) override;
  Reactor* ReloadFiles(Context*, const v1::ReloadFilesRequest*, v1::ReloadFilesResponse*) override;
  Reactor* ListAuditEvents(Context*, const v1::ListAuditEventsRequest*,
                           v1::ListAuditEventsResponse*) override;

 private:
  // The methods of all five kinds of resources; the .cc file describes them.
  template <class Kind, class Request, class Messages>
  Reactor* List(Context* context, const Request* request, Messages* messages,
                std::string* next_page_token);
  template <class Kind, class Request>
  Reactor* Get(Context* context, const Request* request, typename Kind::Message* response);
  template <class Kind>
  Reactor* Create(Context* context, const std::string& id, const typename Kind::Message& message,
                  typename Kind::Message* response);
  template <class Kind, class Request>
  Reactor* Update(Context* context, const Request* request, const typename Kind::Message& message,
                  typename Kind::Message* response);
  template <class Kind, class Request>
  Reactor* Delete(Context* context, const Request* request);

  // Calls PolicyStore::Change and logs the change.
  absl::StatusOr<PolicySnapshot> Change(const PolicyStore::Cause& cause, PolicyStore::Edit edit);

  const AdminServiceOptions options_;
  // The last member: its thread uses the others.
  base::WorkerPool pool_;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_ADMIN_SERVICE_H_
