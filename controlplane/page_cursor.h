// Places in a list that a client may come back to, but not read.
//
//   PageCursor cursor(key);
//   std::string next = cursor.Seal("team/secret");   // "~kYq…"
//   cursor.Open(next);                               // "team/secret"
//   cursor.Open("team/app");                         // itself: a name is a place, too
//
// A page of a list may end behind a name that its reader may not see. The name goes to the client
// encrypted (AES-256-GCM) and padded, so that not even its length shows; nobody can make a cursor
// for a place of choice.
//
// Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_PAGE_CURSOR_H_
#define REGISTRY_CONTROLPLANE_PAGE_CURSOR_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace registry::controlplane {

class PageCursor {
 public:
  // The key of the cursors is derived from `secret`, of 32 bytes or more: replicas with the same
  // one read each other's.
  explicit PageCursor(absl::string_view secret);

  // `name` has at most 255 bytes. The result begins with ~, which no name does.
  std::string Seal(absl::string_view name) const;

  // What was sealed, or `place` itself when it does not begin with ~.
  // Error: kQueryInvalid for what this key did not seal.
  absl::StatusOr<std::string> Open(absl::string_view place) const;

 private:
  // AES-256 has keys of 32 bytes.
  const std::string key_;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_PAGE_CURSOR_H_
