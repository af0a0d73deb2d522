// Encrypts page cursors: positions in a list that clients can send back but not read.
//
//   PageCursor cursor(key);
//   std::string next = cursor.Seal("team/secret");   // "~kYq…"
//   cursor.Open(next);                               // "team/secret"
//   cursor.Open("team/app");                         // itself: a plain name is a cursor, too
//
// A page may end after a name that the client may not see. The client gets that name encrypted
// (AES-256-GCM), and padded to hide its length. Clients cannot forge a cursor for a position of
// their choice.
//
// Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_METADATA_PAGE_CURSOR_H_
#define REGISTRY_CONTROLPLANE_METADATA_PAGE_CURSOR_H_

#include <mutex>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace registry::controlplane {

class PageCursor {
 public:
  // Derives the key from `secret`, at least 32 bytes. Replicas with the same secret accept each
  // other's cursors.
  explicit PageCursor(absl::string_view secret);

  // Derives the key from another secret. Open then refuses earlier cursors.
  void UseSecret(absl::string_view secret);

  // `name` has at most 255 bytes. The result begins with ~; no name does.
  std::string Seal(absl::string_view name) const;

  // The sealed name, or `place` itself if it does not begin with ~.
  // Error: kQueryInvalid if this key did not seal `place`.
  absl::StatusOr<std::string> Open(absl::string_view place) const;

 private:
  std::string key() const;

  mutable std::mutex mutex_;
  // 32 bytes, for AES-256.
  std::string key_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_METADATA_PAGE_CURSOR_H_
