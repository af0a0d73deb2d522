// The administrator's password, as flags give it: a bcrypt hash or the password itself.
//
// Text that begins with $2a$, $2b$ or $2y$ is a hash; all else is a password.
// Thread-safe.
#ifndef REGISTRY_APP_ADMIN_PASSWORD_H_
#define REGISTRY_APP_ADMIN_PASSWORD_H_

#include <string>

#include "absl/status/statusor.h"
#include "app/flags.h"

namespace registry::app {

struct AdminPassword {
  // One of the two.
  std::string password;
  std::string hash;
};

// What -adminpwd or -adminpwdfile says. Errors: those of ReadSecretFile; INVALID_ARGUMENT for a
// malformed hash or a password that cannot be hashed. They name the flag or the file, never the
// secret.
absl::StatusOr<AdminPassword> ReadAdminPassword(const ServeFlags& flags);

// The one line of the file, without its newline. Errors: what the system says about opening and
// reading it; INVALID_ARGUMENT when it is empty, has several lines or more than 4 KiB.
// `what` names the file in errors: "password file".
absl::StatusOr<std::string> ReadSecretFile(absl::string_view what, const std::string& path);

}  // namespace registry::app

#endif  // REGISTRY_APP_ADMIN_PASSWORD_H_
