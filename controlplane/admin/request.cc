#include "controlplane/admin/request.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "controlplane/policy/error.h"

namespace registry::controlplane {

Actor ActorOf(const grpc::CallbackServerContext& context) {
  Actor actor{.principal = "local", .peer = context.peer()};
  const std::shared_ptr<const grpc::AuthContext> identity = context.auth_context();
  // Over TLS only the certificate counts, even if it has no subject.
  if (!identity->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME).empty()) {
    const auto subjects = identity->FindPropertyValues(GRPC_X509_SUBJECT_PROPERTY_NAME);
    actor.principal = subjects.empty() || subjects[0].empty()
                          ? "a certificate without a subject"
                          : std::string(subjects[0].data(), subjects[0].size());
    return actor;
  }
  const auto user = context.client_metadata().find(kLocalUserMetadata);
  if (user != context.client_metadata().end()) {
    const absl::string_view name(user->second.data(), user->second.size());
    constexpr size_t kMaxBytes = 255;
    if (name.size() <= kMaxBytes && base::IsUtf8Text(name)) {
      absl::StrAppend(&actor.principal, ":", name);
    }
  }
  return actor;
}

absl::StatusOr<size_t> PageSize(int32_t asked) {
  if (asked < 0) return InvalidField("page_size", absl::StrCat("is negative: ", asked));
  if (asked == 0) return base::kDefaultAdminPage;
  return std::min(asked, base::kMaxAdminPage);
}

std::string MakePageToken(absl::string_view collection, absl::string_view position) {
  return absl::WebSafeBase64Escape(absl::StrCat(collection, "\n", position));
}

absl::StatusOr<std::string> ReadPageToken(absl::string_view collection, const std::string& token) {
  if (token.empty()) return token;
  std::string text;
  absl::string_view rest;
  if (absl::WebSafeBase64Unescape(token, &text)) rest = text;
  if (absl::ConsumePrefix(&rest, absl::StrCat(collection, "\n"))) return std::string(rest);
  return InvalidField("page_token", "is not from this method; send the next_page_token unchanged");
}

}  // namespace registry::controlplane
