#include "controlplane/admin/service.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/grpc_server.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/log.h"
#include "controlplane/admin/kinds.h"
#include "controlplane/admin/messages.h"
#include "controlplane/admin/request.h"
#include "controlplane/passwords.h"
#include "controlplane/policy/error.h"
#include "controlplane/policy/view.h"

namespace registry::controlplane {
namespace {

// Prepare fills the fields that only the service can compute.

template <class Object, class Message>
absl::Status Prepare(Message&, Fields&, Object*) {
  return absl::OkStatus();
}

// Replaces a password by its hash.
absl::Status Prepare(v1::User& message, Fields& fields, User*) {
  if (!fields.contains("password")) return absl::OkStatus();
  if (!message.password().empty() && !message.password_hash().empty()) {
    return InvalidField("user.password", "and user.password_hash are both given; give one");
  }
  if (message.password().empty()) {
    // Removes the password, unless the request sets the hash as well.
    if (fields.insert("password_hash").second) message.clear_password_hash();
    return absl::OkStatus();
  }
  const absl::StatusOr<std::string> hash = HashPassword(message.password());
  if (!hash.ok()) {
    if (!absl::IsInvalidArgument(hash.status())) return hash.status();
    return InvalidField("user.password", absl::StrCat("is invalid: ", hash.status().message()));
  }
  fields.insert("password_hash");
  message.set_password_hash(*hash);
  return absl::OkStatus();
}

// Sets the hash of a new token's value. `token` is nullptr in an update.
absl::Status Prepare(v1::Token& message, Fields&, Token* token) {
  if (token == nullptr) return absl::OkStatus();
  constexpr size_t kRandomBytes = 32;
  if (message.value().empty()) {
    message.set_value(absl::BytesToHexString(base::RandomBytes(kRandomBytes)));
  }
  const std::string& value = message.value();
  if (value.size() < kMinTokenValueBytes || value.size() > base::kMaxTokenBytes) {
    return InvalidField("token.value",
                        absl::StrCat("has ", value.size(), " bytes; give ", kMinTokenValueBytes,
                                     " to ", base::kMaxTokenBytes, ", or none for a random one"));
  }
  if (!IsTokenText(value)) {
    return InvalidField("token.value",
                        "has characters that a header cannot carry; use letters, digits and "
                        "-._~+/=");
  }
  const absl::StatusOr<std::string> user = IdOf("users", "token.user", message.user());
  if (!user.ok()) return user.status();
  token->value_hash = HashTokenValue(value);
  token->user = *user;
  return absl::OkStatus();
}

}  // namespace

AdminService::AdminService(AdminServiceOptions options)
    : options_(std::move(options)), pool_(1, base::kAdminQueue) {}

absl::StatusOr<PolicySnapshot> AdminService::Change(const PolicyStore::Cause& cause,
                                                    PolicyStore::Edit edit) {
  absl::StatusOr<PolicySnapshot> snapshot = options_.store->Change(cause, edit);
  if (snapshot.ok()) {
    base::LogInfo("the access policy was changed", {{"revision", snapshot->revision},
                                                    {"principal", cause.actor.principal},
                                                    {"peer", cause.actor.peer},
                                                    {"method", cause.method},
                                                    {"resource", cause.resource}});
  }
  return snapshot;
}

template <class Kind, class Request, class Messages>
AdminService::Reactor* AdminService::List(Context* context, const Request* request,
                                          Messages* messages, std::string* next_page_token) {
  return base::RunUnary(pool_, context, [=, this]() -> absl::Status {
    const absl::StatusOr<size_t> size = PageSize(request->page_size());
    if (!size.ok()) return size.status();
    const absl::StatusOr<std::string> last =
        ReadPageToken(Kind::kCollection, request->page_token());
    if (!last.ok()) return last.status();
    const PolicySnapshot snapshot = options_.store->holder()->Current();
    const std::vector<typename Kind::Object>& objects = (*snapshot.objects).*Kind::kObjects;
    auto next = std::upper_bound(objects.begin(), objects.end(), *last,
                                 [](const std::string& name, const typename Kind::Object& object) {
                                   return name < object.name;
                                 });
    size_t bytes = 0;
    for (; next != objects.end() && static_cast<size_t>(messages->size()) < *size; ++next) {
      typename Kind::Message message = ToMessage(*next);
      bytes += message.ByteSizeLong();
      // The first message always fits.
      if (bytes > base::kMaxAdminPageBytes && !messages->empty()) break;
      *messages->Add() = std::move(message);
    }
    if (next != objects.end()) {
      *next_page_token = MakePageToken(Kind::kCollection, std::prev(next)->name);
    }
    return absl::OkStatus();
  });
}

template <class Kind, class Request>
AdminService::Reactor* AdminService::Get(Context* context, const Request* request,
                                         typename Kind::Message* response) {
  return base::RunUnary(pool_, context, [=, this]() -> absl::Status {
    const absl::StatusOr<std::string> id = IdOf(Kind::kCollection, "name", request->name());
    if (!id.ok()) return id.status();
    const PolicySnapshot snapshot = options_.store->holder()->Current();
    const auto* object = FindByName((*snapshot.objects).*Kind::kObjects, *id);
    if (object == nullptr) return NoSuchResource(request->name());
    *response = ToMessage(*object);
    return absl::OkStatus();
  });
}

template <class Kind>
AdminService::Reactor* AdminService::Create(Context* context, const std::string& id,
                                            const typename Kind::Message& given,
                                            typename Kind::Message* response) {
  return base::RunUnary(pool_, context, [=, this, &id, &given]() -> absl::Status {
    if (id.empty()) return InvalidField(Kind::kIdField, "is empty: give the new resource a name");
    typename Kind::Message message = given;
    Fields fields(Kind::kUpdatable.begin(), Kind::kUpdatable.end());
    typename Kind::Object object{.name = id};
    absl::Status status = Prepare(message, fields, &object);
    if (status.ok()) status = Apply(message, fields, object);
    if (!status.ok()) return status;
    const absl::StatusOr<PolicySnapshot> snapshot =
        Change({.actor = ActorOf(*context),
                .method = absl::StrCat("Create", Kind::kName),
                .resource = absl::StrCat(Kind::kCollection, "/", id)},
               [&](PolicyObjects& objects) { return Kind::kCreate(objects, object); });
    if (!snapshot.ok()) return snapshot.status();
    *response = ToMessage(*FindByName((*snapshot->objects).*Kind::kObjects, id));
    if constexpr (std::is_same_v<Kind, TokenKind>) response->set_value(message.value());
    return absl::OkStatus();
  });
}

template <class Kind, class Request>
AdminService::Reactor* AdminService::Update(Context* context, const Request* request,
                                            const typename Kind::Message& given,
                                            typename Kind::Message* response) {
  return base::RunUnary(pool_, context, [=, this, &given]() -> absl::Status {
    const absl::StatusOr<std::string> id = IdOf(Kind::kCollection, Kind::kNameField, given.name());
    if (!id.ok()) return id.status();
    absl::StatusOr<Fields> fields = FieldsToUpdate(given, request->update_mask(), Kind::kUpdatable);
    if (!fields.ok()) return fields.status();
    typename Kind::Message message = given;
    constexpr typename Kind::Object* kNotNew = nullptr;
    if (absl::Status status = Prepare(message, *fields, kNotNew); !status.ok()) return status;
    const absl::StatusOr<PolicySnapshot> snapshot =
        Change({.actor = ActorOf(*context),
                .method = absl::StrCat("Update", Kind::kName),
                .resource = given.name()},
               [&](PolicyObjects& objects) -> absl::Status {
                 const PolicyObjects view = EffectiveObjects(objects);
                 const auto* current = FindByName(view.*Kind::kObjects, *id);
                 if (current == nullptr) return NoSuchResource(given.name());
                 if (!given.etag().empty() && given.etag() != ToMessage(*current).etag()) {
                   return EtagMismatch(given.name());
                 }
                 typename Kind::Object next = *current;
                 if (absl::Status status = Apply(message, *fields, next); !status.ok()) {
                   return status;
                 }
                 return Kind::kUpdate(objects, next);
               });
    if (!snapshot.ok()) return snapshot.status();
    *response = ToMessage(*FindByName((*snapshot->objects).*Kind::kObjects, *id));
    return absl::OkStatus();
  });
}

template <class Kind, class Request>
AdminService::Reactor* AdminService::Delete(Context* context, const Request* request) {
  return base::RunUnary(pool_, context, [=, this]() -> absl::Status {
    const absl::StatusOr<std::string> id = IdOf(Kind::kCollection, "name", request->name());
    if (!id.ok()) return id.status();
    return Change({.actor = ActorOf(*context),
                   .method = absl::StrCat("Delete", Kind::kName),
                   .resource = request->name()},
                  [&](PolicyObjects& objects) -> absl::Status {
                    const PolicyObjects view = EffectiveObjects(objects);
                    const auto* current = FindByName(view.*Kind::kObjects, *id);
                    if (current == nullptr) {
                      return request->allow_missing() ? absl::OkStatus()
                                                      : NoSuchResource(request->name());
                    }
                    if (!request->etag().empty() && request->etag() != ToMessage(*current).etag()) {
                      return EtagMismatch(request->name());
                    }
                    return Kind::kDelete(objects, *id);
                  })
        .status();
  });
}

// The standard methods.

AdminService::Reactor* AdminService::ListUsers(Context* context,
                                               const v1::ListUsersRequest* request,
                                               v1::ListUsersResponse* response) {
  return List<UserKind>(context, request, response->mutable_users(),
                        response->mutable_next_page_token());
}

AdminService::Reactor* AdminService::GetUser(Context* context, const v1::GetUserRequest* request,
                                             v1::User* response) {
  return Get<UserKind>(context, request, response);
}

AdminService::Reactor* AdminService::CreateUser(Context* context,
                                                const v1::CreateUserRequest* request,
                                                v1::User* response) {
  return Create<UserKind>(context, request->user_id(), request->user(), response);
}

AdminService::Reactor* AdminService::UpdateUser(Context* context,
                                                const v1::UpdateUserRequest* request,
                                                v1::User* response) {
  return Update<UserKind>(context, request, request->user(), response);
}

AdminService::Reactor* AdminService::DeleteUser(Context* context,
                                                const v1::DeleteUserRequest* request, Empty*) {
  return Delete<UserKind>(context, request);
}

AdminService::Reactor* AdminService::ListGroups(Context* context,
                                                const v1::ListGroupsRequest* request,
                                                v1::ListGroupsResponse* response) {
  return List<GroupKind>(context, request, response->mutable_groups(),
                         response->mutable_next_page_token());
}

AdminService::Reactor* AdminService::GetGroup(Context* context, const v1::GetGroupRequest* request,
                                              v1::Group* response) {
  return Get<GroupKind>(context, request, response);
}

AdminService::Reactor* AdminService::CreateGroup(Context* context,
                                                 const v1::CreateGroupRequest* request,
                                                 v1::Group* response) {
  return Create<GroupKind>(context, request->group_id(), request->group(), response);
}

AdminService::Reactor* AdminService::UpdateGroup(Context* context,
                                                 const v1::UpdateGroupRequest* request,
                                                 v1::Group* response) {
  return Update<GroupKind>(context, request, request->group(), response);
}

AdminService::Reactor* AdminService::DeleteGroup(Context* context,
                                                 const v1::DeleteGroupRequest* request, Empty*) {
  return Delete<GroupKind>(context, request);
}

AdminService::Reactor* AdminService::ListRoles(Context* context,
                                               const v1::ListRolesRequest* request,
                                               v1::ListRolesResponse* response) {
  return List<RoleKind>(context, request, response->mutable_roles(),
                        response->mutable_next_page_token());
}

AdminService::Reactor* AdminService::GetRole(Context* context, const v1::GetRoleRequest* request,
                                             v1::Role* response) {
  return Get<RoleKind>(context, request, response);
}

AdminService::Reactor* AdminService::CreateRole(Context* context,
                                                const v1::CreateRoleRequest* request,
                                                v1::Role* response) {
  return Create<RoleKind>(context, request->role_id(), request->role(), response);
}

AdminService::Reactor* AdminService::UpdateRole(Context* context,
                                                const v1::UpdateRoleRequest* request,
                                                v1::Role* response) {
  return Update<RoleKind>(context, request, request->role(), response);
}

AdminService::Reactor* AdminService::DeleteRole(Context* context,
                                                const v1::DeleteRoleRequest* request, Empty*) {
  return Delete<RoleKind>(context, request);
}

AdminService::Reactor* AdminService::ListRoleBindings(Context* context,
                                                      const v1::ListRoleBindingsRequest* request,
                                                      v1::ListRoleBindingsResponse* response) {
  return List<RoleBindingKind>(context, request, response->mutable_role_bindings(),
                               response->mutable_next_page_token());
}

AdminService::Reactor* AdminService::GetRoleBinding(Context* context,
                                                    const v1::GetRoleBindingRequest* request,
                                                    v1::RoleBinding* response) {
  return Get<RoleBindingKind>(context, request, response);
}

AdminService::Reactor* AdminService::CreateRoleBinding(Context* context,
                                                       const v1::CreateRoleBindingRequest* request,
                                                       v1::RoleBinding* response) {
  return Create<RoleBindingKind>(context, request->role_binding_id(), request->role_binding(),
                                 response);
}

AdminService::Reactor* AdminService::UpdateRoleBinding(Context* context,
                                                       const v1::UpdateRoleBindingRequest* request,
                                                       v1::RoleBinding* response) {
  return Update<RoleBindingKind>(context, request, request->role_binding(), response);
}

AdminService::Reactor* AdminService::DeleteRoleBinding(Context* context,
                                                       const v1::DeleteRoleBindingRequest* request,
                                                       Empty*) {
  return Delete<RoleBindingKind>(context, request);
}

AdminService::Reactor* AdminService::ListTokens(Context* context,
                                                const v1::ListTokensRequest* request,
                                                v1::ListTokensResponse* response) {
  return List<TokenKind>(context, request, response->mutable_tokens(),
                         response->mutable_next_page_token());
}

AdminService::Reactor* AdminService::GetToken(Context* context, const v1::GetTokenRequest* request,
                                              v1::Token* response) {
  return Get<TokenKind>(context, request, response);
}

AdminService::Reactor* AdminService::CreateToken(Context* context,
                                                 const v1::CreateTokenRequest* request,
                                                 v1::Token* response) {
  return Create<TokenKind>(context, request->token_id(), request->token(), response);
}

AdminService::Reactor* AdminService::UpdateToken(Context* context,
                                                 const v1::UpdateTokenRequest* request,
                                                 v1::Token* response) {
  return Update<TokenKind>(context, request, request->token(), response);
}

AdminService::Reactor* AdminService::DeleteToken(Context* context,
                                                 const v1::DeleteTokenRequest* request, Empty*) {
  return Delete<TokenKind>(context, request);
}

}  // namespace registry::controlplane
