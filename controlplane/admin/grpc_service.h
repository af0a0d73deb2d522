// AdminService over gRPC: binds AdminService (service.h).
// Thread-safe. Must outlive the server; the logic must outlive the binding.
#ifndef REGISTRY_CONTROLPLANE_ADMIN_GRPC_SERVICE_H_
#define REGISTRY_CONTROLPLANE_ADMIN_GRPC_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include "base/grpc_service.h"
#include "controlplane/admin/peer.h"
#include "controlplane/admin/service.h"
#include "registry/v1/admin.grpc.pb.h"

namespace registry::controlplane {

class GrpcAdminService final : public v1::AdminService::CallbackService {
 public:
  explicit GrpcAdminService(AdminService& logic) : logic_(logic) {}

  grpc::ServerUnaryReactor* ListUsers(grpc::CallbackServerContext* context,
                                      const v1::ListUsersRequest* request,
                                      v1::ListUsersResponse* response) override {
    return base::BindUnary(logic_, &AdminService::ListUsers, context, request, response,
                           PeerOf(*context));
  }
  grpc::ServerUnaryReactor* GetUser(grpc::CallbackServerContext* context,
                                    const v1::GetUserRequest* request,
                                    v1::User* response) override {
    return base::BindUnary(logic_, &AdminService::GetUser, context, request, response,
                           PeerOf(*context));
  }
  grpc::ServerUnaryReactor* CreateUser(grpc::CallbackServerContext* context,
                                       const v1::CreateUserRequest* request,
                                       v1::User* response) override {
    return base::BindUnary(logic_, &AdminService::CreateUser, context, request, response,
                           PeerOf(*context));
  }
  grpc::ServerUnaryReactor* UpdateUser(grpc::CallbackServerContext* context,
                                       const v1::UpdateUserRequest* request,
                                       v1::User* response) override {
    return base::BindUnary(logic_, &AdminService::UpdateUser, context, request, response,
                           PeerOf(*context));
  }
  grpc::ServerUnaryReactor* DeleteUser(grpc::CallbackServerContext* context,
                                       const v1::DeleteUserRequest* request,
                                       google::protobuf::Empty* response) override {
    return base::BindUnary(logic_, &AdminService::DeleteUser, context, request, response,
                           PeerOf(*context));
  }
  grpc::ServerUnaryReactor* RevokeUserTokens(grpc::CallbackServerContext* context,
                                             const v1::RevokeUserTokensRequest* request,
                                             google::protobuf::Empty* response) override {
    return base::BindUnary(logic_, &AdminService::RevokeUserTokens, context, request, response,
                           PeerOf(*context));
  }
  grpc::ServerUnaryReactor* ListGroups(grpc::CallbackServerContext* context,
                                       const v1::ListGroupsRequest* request,
                                       v1::ListGroupsResponse* response) override {
    return base::BindUnary(logic_, &AdminService::ListGroups, context, request, response,
                           PeerOf(*context));
  }
  grpc::ServerUnaryReactor* GetGroup(grpc::CallbackServerContext* context,
                                     const v1::GetGroupRequest* request,
                                     v1::Group* response) override {
    return base::BindUnary(logic_, &AdminService::GetGroup, context, request, response,
                           PeerOf(*context));
  }
  grpc::ServerUnaryReactor* CreateGroup(grpc::CallbackServerContext* context,
                                        const v1::CreateGroupRequest* request,
                                        v1::Group* response) override {
    return base::BindUnary(logic_, &AdminService::CreateGroup, context, request, response,
                           PeerOf(*context));
  }
  grpc::ServerUnaryReactor* UpdateGroup(grpc::CallbackServerContext* context,
                                        const v1::UpdateGroupRequest* request,
                                        v1::Group* response) override {
    return base::BindUnary(logic_, &AdminService::UpdateGroup, context, request, response,
                           PeerOf(*context));
  }
  grpc::ServerUnaryReactor* DeleteGroup(grpc::CallbackServerContext* context,
                                        const v1::DeleteGroupRequest* request,
                                        google::protobuf::Empty* response) override {
    return base::BindUnary(logic_, &AdminService::DeleteGroup, context, request, response,
                           PeerOf(*context));
  }
  grpc::ServerUnaryReactor* ListRoles(grpc::CallbackServerContext* context,
                                      const v1::ListRolesRequest* request,
                                      v1::ListRolesResponse* response) override {
    return base::BindUnary(logic_, &AdminService::ListRoles, context, request, response,
                           PeerOf(*context));
  }
  grpc::ServerUnaryReactor* GetRole(grpc::CallbackServerContext* context,
                                    const v1::GetRoleRequest* request,
                                    v1::Role* response) override {
    return base::BindUnary(logic_, &AdminService::GetRole, context, request, response,
                           PeerOf(*context));
  }
  grpc::ServerUnaryReactor* CreateRole(grpc::CallbackServerContext* context,
                                       const v1::CreateRoleRequest* request,
                                       v1::Role* response) override {
    return base::BindUnary(logic_, &AdminService::CreateRole, context, request, response,
                           PeerOf(*context));
  }
  grpc::ServerUnaryReactor* UpdateRole(grpc::CallbackServerContext* context,
                                       const v1::UpdateRoleRequest* request,
                                       v1::Role* response) override {
    return base::BindUnary(logic_, &AdminService::UpdateRole, context, request, response,
                           PeerOf(*context));
  }
  grpc::ServerUnaryReactor* DeleteRole(grpc::CallbackServerContext* context,
                                       const v1::DeleteRoleRequest* request,
                                       google::protobuf::Empty* response) override {
    return base::BindUnary(logic_, &AdminService::DeleteRole, context, request, response,
                           PeerOf(*context));
  }
  grpc::ServerUnaryReactor* ListRoleBindings(grpc::CallbackServerContext* context,
                                             const v1::ListRoleBindingsRequest* request,
                                             v1::ListRoleBindingsResponse* response) override {
    return base::BindUnary(logic_, &AdminService::ListRoleBindings, context, request, response,
                           PeerOf(*context));
  }
  grpc::ServerUnaryReactor* GetRoleBinding(grpc::CallbackServerContext* context,
                                           const v1::GetRoleBindingRequest* request,
                                           v1::RoleBinding* response) override {
    return base::BindUnary(logic_, &AdminService::GetRoleBinding, context, request, response,
                           PeerOf(*context));
  }
  grpc::ServerUnaryReactor* CreateRoleBinding(grpc::CallbackServerContext* context,
                                              const v1::CreateRoleBindingRequest* request,
                                              v1::RoleBinding* response) override {
    return base::BindUnary(logic_, &AdminService::CreateRoleBinding, context, request, response,
                           PeerOf(*context));
  }
  grpc::ServerUnaryReactor* UpdateRoleBinding(grpc::CallbackServerContext* context,
                                              const v1::UpdateRoleBindingRequest* request,
                                              v1::RoleBinding* response) override {
    return base::BindUnary(logic_, &AdminService::UpdateRoleBinding, context, request, response,
                           PeerOf(*context));
  }
  grpc::ServerUnaryReactor* DeleteRoleBinding(grpc::CallbackServerContext* context,
                                              const v1::DeleteRoleBindingRequest* request,
                                              google::protobuf::Empty* response) override {
    return base::BindUnary(logic_, &AdminService::DeleteRoleBinding, context, request, response,
                           PeerOf(*context));
  }
  grpc::ServerUnaryReactor* ListTokens(grpc::CallbackServerContext* context,
                                       const v1::ListTokensRequest* request,
                                       v1::ListTokensResponse* response) override {
    return base::BindUnary(logic_, &AdminService::ListTokens, context, request, response,
                           PeerOf(*context));
  }
  grpc::ServerUnaryReactor* GetToken(grpc::CallbackServerContext* context,
                                     const v1::GetTokenRequest* request,
                                     v1::Token* response) override {
    return base::BindUnary(logic_, &AdminService::GetToken, context, request, response,
                           PeerOf(*context));
  }
  grpc::ServerUnaryReactor* CreateToken(grpc::CallbackServerContext* context,
                                        const v1::CreateTokenRequest* request,
                                        v1::Token* response) override {
    return base::BindUnary(logic_, &AdminService::CreateToken, context, request, response,
                           PeerOf(*context));
  }
  grpc::ServerUnaryReactor* UpdateToken(grpc::CallbackServerContext* context,
                                        const v1::UpdateTokenRequest* request,
                                        v1::Token* response) override {
    return base::BindUnary(logic_, &AdminService::UpdateToken, context, request, response,
                           PeerOf(*context));
  }
  grpc::ServerUnaryReactor* DeleteToken(grpc::CallbackServerContext* context,
                                        const v1::DeleteTokenRequest* request,
                                        google::protobuf::Empty* response) override {
    return base::BindUnary(logic_, &AdminService::DeleteToken, context, request, response,
                           PeerOf(*context));
  }
  grpc::ServerUnaryReactor* Explain(grpc::CallbackServerContext* context,
                                    const v1::ExplainRequest* request,
                                    v1::ExplainResponse* response) override {
    return base::BindUnary(logic_, &AdminService::Explain, context, request, response,
                           PeerOf(*context));
  }
  grpc::ServerUnaryReactor* ReloadFiles(grpc::CallbackServerContext* context,
                                        const v1::ReloadFilesRequest* request,
                                        v1::ReloadFilesResponse* response) override {
    return base::BindUnary(logic_, &AdminService::ReloadFiles, context, request, response,
                           PeerOf(*context));
  }
  grpc::ServerUnaryReactor* ListAuditEvents(grpc::CallbackServerContext* context,
                                            const v1::ListAuditEventsRequest* request,
                                            v1::ListAuditEventsResponse* response) override {
    return base::BindUnary(logic_, &AdminService::ListAuditEvents, context, request, response,
                           PeerOf(*context));
  }

 private:
  AdminService& logic_;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_ADMIN_GRPC_SERVICE_H_
