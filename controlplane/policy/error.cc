#include "controlplane/policy/error.h"

#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "base/quote.h"
#include "google/rpc/error_details.pb.h"

namespace registry::controlplane {
namespace {

constexpr absl::string_view kDomain = "simple-registry.jlsalvador.online";

constexpr absl::string_view kNoFiles = "NO_FILES";

template <class Detail>
std::string TypeUrl() {
  return absl::StrCat("type.googleapis.com/", Detail::descriptor()->full_name());
}

template <class Detail>
void AddDetail(const Detail& detail, absl::Status& status) {
  status.SetPayload(TypeUrl<Detail>(), absl::Cord(detail.SerializeAsString()));
}

absl::Status Make(absl::StatusCode code, absl::string_view reason, absl::string_view resource,
                  absl::string_view message) {
  absl::Status status(code, message);
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(reason));
  info.set_domain(std::string(kDomain));
  if (!resource.empty()) (*info.mutable_metadata())["resource"] = std::string(resource);
  AddDetail(info, status);
  return status;
}

// Adds ResourceInfo; "users/alice" has the type registry.v1.User.
absl::Status WithResource(absl::string_view resource, absl::Status status) {
  constexpr std::pair<absl::string_view, absl::string_view> kTypes[] = {
      {"users", "registry.v1.User"},
      {"groups", "registry.v1.Group"},
      {"roles", "registry.v1.Role"},
      {"roleBindings", "registry.v1.RoleBinding"},
      {"tokens", "registry.v1.Token"}};
  google::rpc::ResourceInfo info;
  for (const auto& [collection, type] : kTypes) {
    if (resource.substr(0, resource.find('/')) == collection) {
      info.set_resource_type(std::string(type));
    }
  }
  info.set_resource_name(std::string(resource));
  AddDetail(info, status);
  return status;
}

}  // namespace

absl::Status NoSuchResource(absl::string_view resource) {
  return WithResource(resource, Make(absl::StatusCode::kNotFound, "RESOURCE_NOT_FOUND", resource,
                                     absl::StrCat(base::Quote(resource), " does not exist")));
}

absl::Status NamesMissingResource(absl::string_view field, absl::string_view resource) {
  return Make(absl::StatusCode::kFailedPrecondition, "RESOURCE_NOT_FOUND", resource,
              absl::StrCat(field, " names ", base::Quote(resource),
                           ", which does not exist; create it first"));
}

absl::Status ResourceExists(absl::string_view resource) {
  return WithResource(resource,
                      Make(absl::StatusCode::kAlreadyExists, "RESOURCE_EXISTS", resource,
                           absl::StrCat(base::Quote(resource), " already exists; update it")));
}

absl::Status EtagMismatch(absl::string_view resource) {
  return Make(absl::StatusCode::kAborted, "ETAG_MISMATCH", resource,
              absl::StrCat(base::Quote(resource),
                           " has changed since you read its etag; read it again and retry"));
}

absl::Status ReadOnly(absl::string_view resource, absl::string_view origin) {
  return Make(absl::StatusCode::kFailedPrecondition, "READ_ONLY", resource,
              absl::StrCat(base::Quote(resource), " comes from ", origin,
                           " and is read-only here; change it there"));
}

absl::Status InUse(absl::string_view resource, absl::string_view by) {
  return Make(absl::StatusCode::kFailedPrecondition, "IN_USE", resource,
              absl::StrCat(base::Quote(resource), " is in use by ", base::Quote(by),
                           "; change or delete that first"));
}

absl::Status InvalidField(absl::string_view field, absl::string_view what) {
  absl::Status status =
      Make(absl::StatusCode::kInvalidArgument, "INVALID_FIELD", "", absl::StrCat(field, " ", what));
  google::rpc::BadRequest request;
  google::rpc::BadRequest::FieldViolation& violation = *request.add_field_violations();
  violation.set_field(std::string(field));
  violation.set_description(std::string(what));
  AddDetail(request, status);
  return status;
}

absl::Status InvalidFiles(absl::string_view problems) {
  constexpr size_t kMaxBytes = 2000;
  std::string message(problems);
  if (message.size() > kMaxBytes) {
    const size_t line = message.rfind('\n', kMaxBytes);
    // Cut a single line between characters.
    size_t end = line == std::string::npos ? kMaxBytes : line;
    while (end > 0 && (message[end] & 0xc0) == 0x80) --end;
    message.resize(end);
    absl::StrAppend(&message, "\nand more: see the log, or run simple-registry check");
  }
  return Make(absl::StatusCode::kInvalidArgument, "INVALID_FILES", "", message);
}

absl::Status NothingToReload(absl::string_view why) { return Impossible(kNoFiles, why); }

bool IsNothingToReload(const absl::Status& status) {
  const auto detail = status.GetPayload(TypeUrl<google::rpc::ErrorInfo>());
  google::rpc::ErrorInfo info;
  return detail.has_value() && info.ParseFromString(std::string(*detail)) &&
         info.reason() == kNoFiles;
}

absl::Status Impossible(absl::string_view reason, absl::string_view message) {
  return Make(absl::StatusCode::kFailedPrecondition, reason, "", message);
}

}  // namespace registry::controlplane
