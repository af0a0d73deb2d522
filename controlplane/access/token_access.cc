#include "controlplane/access/token_access.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"

namespace registry::controlplane {
namespace {

// The format of the claim: never renumber.
constexpr size_t kHashBytes = 8;
constexpr size_t kEntryBytes = kHashBytes + 1;
constexpr unsigned char kAll = 8;

// 0 for an action that tokens cannot carry.
unsigned char BitOf(absl::string_view action) {
  if (action == "pull") return 1;
  if (action == "push") return 2;
  if (action == "delete") return 4;
  if (action == "*") return kAll;
  return 0;
}

}  // namespace

std::optional<TokenAccess> TokenAccess::Decode(std::string key, absl::string_view text) {
  TokenAccess access(std::move(key));
  if (!absl::WebSafeBase64Unescape(text, &access.entries_)) return std::nullopt;
  if (access.entries_.size() % kEntryBytes != 0) return std::nullopt;
  return access;
}

std::string TokenAccess::HashOf(const oci::Scope& scope) const {
  // A type has no colon.
  return base::HmacSha256(key_, absl::StrCat(scope.type, ":", scope.name)).substr(0, kHashBytes);
}

void TokenAccess::Add(const oci::Scope& scope) {
  unsigned char bits = 0;
  for (const std::string& action : scope.actions) bits |= BitOf(action);
  if (bits == 0) return;
  absl::StrAppend(&entries_, HashOf(scope), std::string(1, static_cast<char>(bits)));
}

bool TokenAccess::Covers(const oci::Scope& needed) const {
  const std::string hash = HashOf(needed);
  unsigned char held = 0;
  for (size_t i = 0; i < entries_.size(); i += kEntryBytes) {
    if (absl::string_view(entries_).substr(i, kHashBytes) != hash) continue;
    held |= static_cast<unsigned char>(entries_[i + kHashBytes]);
  }
  for (const std::string& action : needed.actions) {
    const unsigned char bit = BitOf(action);
    if (bit == 0 || (held & (bit | kAll)) == 0) return false;
  }
  return true;
}

std::string TokenAccess::Encode() const { return absl::WebSafeBase64Escape(entries_); }

}  // namespace registry::controlplane
