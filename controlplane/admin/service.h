// The admin API: the methods of registry.v1.AdminService, documented in admin.proto, for every
// binding (base/call.h).
//
// The service runs calls on its own single thread: changes are serialized anyway, and bcrypt and
// SQL must not block its callers. These may do everything; the server must admit only
// administrators.
//
// Thread-safe. Must outlive its calls.
#ifndef REGISTRY_CONTROLPLANE_ADMIN_SERVICE_H_
#define REGISTRY_CONTROLPLANE_ADMIN_SERVICE_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/call.h"
#include "base/worker_pool.h"
#include "controlplane/policy/store.h"
#include "registry/v1/admin.pb.h"

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

class AdminService final {
 public:
  explicit AdminService(AdminServiceOptions options);

  using Empty = google::protobuf::Empty;

  void ListUsers(const v1::ListUsersRequest* request, v1::ListUsersResponse* response,
                 const base::CallInfo* call, base::Done done);
  void GetUser(const v1::GetUserRequest* request, v1::User* response, const base::CallInfo* call,
               base::Done done);
  void CreateUser(const v1::CreateUserRequest* request, v1::User* response,
                  const base::CallInfo* call, base::Done done);
  void UpdateUser(const v1::UpdateUserRequest* request, v1::User* response,
                  const base::CallInfo* call, base::Done done);
  void DeleteUser(const v1::DeleteUserRequest* request, Empty* response, const base::CallInfo* call,
                  base::Done done);
  void RevokeUserTokens(const v1::RevokeUserTokensRequest* request, Empty* response,
                        const base::CallInfo* call, base::Done done);

  void ListGroups(const v1::ListGroupsRequest* request, v1::ListGroupsResponse* response,
                  const base::CallInfo* call, base::Done done);
  void GetGroup(const v1::GetGroupRequest* request, v1::Group* response, const base::CallInfo* call,
                base::Done done);
  void CreateGroup(const v1::CreateGroupRequest* request, v1::Group* response,
                   const base::CallInfo* call, base::Done done);
  void UpdateGroup(const v1::UpdateGroupRequest* request, v1::Group* response,
                   const base::CallInfo* call, base::Done done);
  void DeleteGroup(const v1::DeleteGroupRequest* request, Empty* response,
                   const base::CallInfo* call, base::Done done);

  void ListRoles(const v1::ListRolesRequest* request, v1::ListRolesResponse* response,
                 const base::CallInfo* call, base::Done done);
  void GetRole(const v1::GetRoleRequest* request, v1::Role* response, const base::CallInfo* call,
               base::Done done);
  void CreateRole(const v1::CreateRoleRequest* request, v1::Role* response,
                  const base::CallInfo* call, base::Done done);
  void UpdateRole(const v1::UpdateRoleRequest* request, v1::Role* response,
                  const base::CallInfo* call, base::Done done);
  void DeleteRole(const v1::DeleteRoleRequest* request, Empty* response, const base::CallInfo* call,
                  base::Done done);

  void ListRoleBindings(const v1::ListRoleBindingsRequest* request,
                        v1::ListRoleBindingsResponse* response, const base::CallInfo* call,
                        base::Done done);
  void GetRoleBinding(const v1::GetRoleBindingRequest* request, v1::RoleBinding* response,
                      const base::CallInfo* call, base::Done done);
  void CreateRoleBinding(const v1::CreateRoleBindingRequest* request, v1::RoleBinding* response,
                         const base::CallInfo* call, base::Done done);
  void UpdateRoleBinding(const v1::UpdateRoleBindingRequest* request, v1::RoleBinding* response,
                         const base::CallInfo* call, base::Done done);
  void DeleteRoleBinding(const v1::DeleteRoleBindingRequest* request, Empty* response,
                         const base::CallInfo* call, base::Done done);

  void ListTokens(const v1::ListTokensRequest* request, v1::ListTokensResponse* response,
                  const base::CallInfo* call, base::Done done);
  void GetToken(const v1::GetTokenRequest* request, v1::Token* response, const base::CallInfo* call,
                base::Done done);
  void CreateToken(const v1::CreateTokenRequest* request, v1::Token* response,
                   const base::CallInfo* call, base::Done done);
  void UpdateToken(const v1::UpdateTokenRequest* request, v1::Token* response,
                   const base::CallInfo* call, base::Done done);
  void DeleteToken(const v1::DeleteTokenRequest* request, Empty* response,
                   const base::CallInfo* call, base::Done done);

  void Explain(const v1::ExplainRequest* request, v1::ExplainResponse* response,
               const base::CallInfo* call, base::Done done);
  void ReloadFiles(const v1::ReloadFilesRequest* request, v1::ReloadFilesResponse* response,
                   const base::CallInfo* call, base::Done done);
  void ListAuditEvents(const v1::ListAuditEventsRequest* request,
                       v1::ListAuditEventsResponse* response, const base::CallInfo* call,
                       base::Done done);

 private:
  // The methods of all five kinds of resources; the .cc file describes them.
  template <class Kind, class Request, class Messages>
  void List(const Request* request, Messages* messages, std::string* next_page_token,
            const base::CallInfo* call, base::Done done);
  template <class Kind, class Request>
  void Get(const Request* request, typename Kind::Message* response, const base::CallInfo* call,
           base::Done done);
  template <class Kind>
  void Create(const std::string& id, const typename Kind::Message& message,
              typename Kind::Message* response, const base::CallInfo* call, base::Done done);
  template <class Kind, class Request>
  void Update(const Request* request, const typename Kind::Message& message,
              typename Kind::Message* response, const base::CallInfo* call, base::Done done);
  template <class Kind, class Request>
  void Delete(const Request* request, const base::CallInfo* call, base::Done done);

  // Calls PolicyStore::Change and logs the change.
  absl::StatusOr<PolicySnapshot> Change(const PolicyStore::Cause& cause, PolicyStore::Edit edit);

  const AdminServiceOptions options_;
  // The last member: its thread uses the others.
  base::WorkerPool pool_;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_ADMIN_SERVICE_H_
