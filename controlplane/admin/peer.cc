#include "controlplane/admin/peer.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/utf8.h"

namespace registry::controlplane {

base::Peer PeerOf(const grpc::CallbackServerContext& context) {
  base::Peer peer{.name = "local", .address = context.peer()};
  const std::shared_ptr<const grpc::AuthContext> identity = context.auth_context();
  // Over TLS only the certificate counts, even if it has no subject.
  if (!identity->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME).empty()) {
    const auto subjects = identity->FindPropertyValues(GRPC_X509_SUBJECT_PROPERTY_NAME);
    peer.name = subjects.empty() || subjects[0].empty()
                    ? "a certificate without a subject"
                    : std::string(subjects[0].data(), subjects[0].size());
    return peer;
  }
  const auto user = context.client_metadata().find(kLocalUserMetadata);
  if (user != context.client_metadata().end()) {
    const absl::string_view name(user->second.data(), user->second.size());
    constexpr size_t kMaxBytes = 255;
    if (name.size() <= kMaxBytes && base::IsUtf8Text(name)) {
      absl::StrAppend(&peer.name, ":", name);
    }
  }
  return peer;
}

}  // namespace registry::controlplane
