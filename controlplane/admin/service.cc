#include "controlplane/admin/service.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/call.h"
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
void AdminService::List(const Request* request, Messages* messages, std::string* next_page_token,
                        const base::CallInfo* call, base::Done done) {
  base::RunCall(pool_, call, std::move(done), [=, this]() -> absl::Status {
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
void AdminService::Get(const Request* request, typename Kind::Message* response,
                       const base::CallInfo* call, base::Done done) {
  base::RunCall(pool_, call, std::move(done), [=, this]() -> absl::Status {
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
void AdminService::Create(const std::string& id, const typename Kind::Message& given,
                          typename Kind::Message* response, const base::CallInfo* call,
                          base::Done done) {
  base::RunCall(pool_, call, std::move(done), [=, this, &id, &given]() -> absl::Status {
    if (id.empty()) return InvalidField(Kind::kIdField, "is empty: give the new resource a name");
    typename Kind::Message message = given;
    Fields fields(Kind::kUpdatable.begin(), Kind::kUpdatable.end());
    typename Kind::Object object{.name = id};
    absl::Status status = Prepare(message, fields, &object);
    if (status.ok()) status = Apply(message, fields, object);
    if (!status.ok()) return status;
    const absl::StatusOr<PolicySnapshot> snapshot =
        Change({.actor = ActorOf(*call),
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
void AdminService::Update(const Request* request, const typename Kind::Message& given,
                          typename Kind::Message* response, const base::CallInfo* call,
                          base::Done done) {
  base::RunCall(pool_, call, std::move(done), [=, this, &given]() -> absl::Status {
    const absl::StatusOr<std::string> id = IdOf(Kind::kCollection, Kind::kNameField, given.name());
    if (!id.ok()) return id.status();
    absl::StatusOr<Fields> fields = FieldsToUpdate(given, request->update_mask(), Kind::kUpdatable);
    if (!fields.ok()) return fields.status();
    typename Kind::Message message = given;
    constexpr typename Kind::Object* kNotNew = nullptr;
    if (absl::Status status = Prepare(message, *fields, kNotNew); !status.ok()) return status;
    const absl::StatusOr<PolicySnapshot> snapshot =
        Change({.actor = ActorOf(*call),
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
void AdminService::Delete(const Request* request, const base::CallInfo* call, base::Done done) {
  base::RunCall(pool_, call, std::move(done), [=, this]() -> absl::Status {
    const absl::StatusOr<std::string> id = IdOf(Kind::kCollection, "name", request->name());
    if (!id.ok()) return id.status();
    return Change({.actor = ActorOf(*call),
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

void AdminService::ListUsers(const v1::ListUsersRequest* request, v1::ListUsersResponse* response,
                             const base::CallInfo* call, base::Done done) {
  List<UserKind>(request, response->mutable_users(), response->mutable_next_page_token(), call,
                 std::move(done));
}

void AdminService::GetUser(const v1::GetUserRequest* request, v1::User* response,
                           const base::CallInfo* call, base::Done done) {
  Get<UserKind>(request, response, call, std::move(done));
}

void AdminService::CreateUser(const v1::CreateUserRequest* request, v1::User* response,
                              const base::CallInfo* call, base::Done done) {
  Create<UserKind>(request->user_id(), request->user(), response, call, std::move(done));
}

void AdminService::UpdateUser(const v1::UpdateUserRequest* request, v1::User* response,
                              const base::CallInfo* call, base::Done done) {
  Update<UserKind>(request, request->user(), response, call, std::move(done));
}

void AdminService::DeleteUser(const v1::DeleteUserRequest* request, Empty*,
                              const base::CallInfo* call, base::Done done) {
  Delete<UserKind>(request, call, std::move(done));
}

void AdminService::ListGroups(const v1::ListGroupsRequest* request,
                              v1::ListGroupsResponse* response, const base::CallInfo* call,
                              base::Done done) {
  List<GroupKind>(request, response->mutable_groups(), response->mutable_next_page_token(), call,
                  std::move(done));
}

void AdminService::GetGroup(const v1::GetGroupRequest* request, v1::Group* response,
                            const base::CallInfo* call, base::Done done) {
  Get<GroupKind>(request, response, call, std::move(done));
}

void AdminService::CreateGroup(const v1::CreateGroupRequest* request, v1::Group* response,
                               const base::CallInfo* call, base::Done done) {
  Create<GroupKind>(request->group_id(), request->group(), response, call, std::move(done));
}

void AdminService::UpdateGroup(const v1::UpdateGroupRequest* request, v1::Group* response,
                               const base::CallInfo* call, base::Done done) {
  Update<GroupKind>(request, request->group(), response, call, std::move(done));
}

void AdminService::DeleteGroup(const v1::DeleteGroupRequest* request, Empty*,
                               const base::CallInfo* call, base::Done done) {
  Delete<GroupKind>(request, call, std::move(done));
}

void AdminService::ListRoles(const v1::ListRolesRequest* request, v1::ListRolesResponse* response,
                             const base::CallInfo* call, base::Done done) {
  List<RoleKind>(request, response->mutable_roles(), response->mutable_next_page_token(), call,
                 std::move(done));
}

void AdminService::GetRole(const v1::GetRoleRequest* request, v1::Role* response,
                           const base::CallInfo* call, base::Done done) {
  Get<RoleKind>(request, response, call, std::move(done));
}

void AdminService::CreateRole(const v1::CreateRoleRequest* request, v1::Role* response,
                              const base::CallInfo* call, base::Done done) {
  Create<RoleKind>(request->role_id(), request->role(), response, call, std::move(done));
}

void AdminService::UpdateRole(const v1::UpdateRoleRequest* request, v1::Role* response,
                              const base::CallInfo* call, base::Done done) {
  Update<RoleKind>(request, request->role(), response, call, std::move(done));
}

void AdminService::DeleteRole(const v1::DeleteRoleRequest* request, Empty*,
                              const base::CallInfo* call, base::Done done) {
  Delete<RoleKind>(request, call, std::move(done));
}

void AdminService::ListRoleBindings(const v1::ListRoleBindingsRequest* request,
                                    v1::ListRoleBindingsResponse* response,
                                    const base::CallInfo* call, base::Done done) {
  List<RoleBindingKind>(request, response->mutable_role_bindings(),
                        response->mutable_next_page_token(), call, std::move(done));
}

void AdminService::GetRoleBinding(const v1::GetRoleBindingRequest* request,
                                  v1::RoleBinding* response, const base::CallInfo* call,
                                  base::Done done) {
  Get<RoleBindingKind>(request, response, call, std::move(done));
}

void AdminService::CreateRoleBinding(const v1::CreateRoleBindingRequest* request,
                                     v1::RoleBinding* response, const base::CallInfo* call,
                                     base::Done done) {
  Create<RoleBindingKind>(request->role_binding_id(), request->role_binding(), response, call,
                          std::move(done));
}

void AdminService::UpdateRoleBinding(const v1::UpdateRoleBindingRequest* request,
                                     v1::RoleBinding* response, const base::CallInfo* call,
                                     base::Done done) {
  Update<RoleBindingKind>(request, request->role_binding(), response, call, std::move(done));
}

void AdminService::DeleteRoleBinding(const v1::DeleteRoleBindingRequest* request, Empty*,
                                     const base::CallInfo* call, base::Done done) {
  Delete<RoleBindingKind>(request, call, std::move(done));
}

void AdminService::ListTokens(const v1::ListTokensRequest* request,
                              v1::ListTokensResponse* response, const base::CallInfo* call,
                              base::Done done) {
  List<TokenKind>(request, response->mutable_tokens(), response->mutable_next_page_token(), call,
                  std::move(done));
}

void AdminService::GetToken(const v1::GetTokenRequest* request, v1::Token* response,
                            const base::CallInfo* call, base::Done done) {
  Get<TokenKind>(request, response, call, std::move(done));
}

void AdminService::CreateToken(const v1::CreateTokenRequest* request, v1::Token* response,
                               const base::CallInfo* call, base::Done done) {
  Create<TokenKind>(request->token_id(), request->token(), response, call, std::move(done));
}

void AdminService::UpdateToken(const v1::UpdateTokenRequest* request, v1::Token* response,
                               const base::CallInfo* call, base::Done done) {
  Update<TokenKind>(request, request->token(), response, call, std::move(done));
}

void AdminService::DeleteToken(const v1::DeleteTokenRequest* request, Empty*,
                               const base::CallInfo* call, base::Done done) {
  Delete<TokenKind>(request, call, std::move(done));
}

}  // namespace registry::controlplane
