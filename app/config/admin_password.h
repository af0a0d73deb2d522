// Reads the administrator's password from the flags: a bcrypt hash or the password itself.
//
// Text that begins with $2a$, $2b$ or $2y$ is a hash. So is the rest of NAME:HASH, a line as
// `htpasswd -nB` prints it, when NAME is the administrator's; for another name, or with a hash that
// is not bcrypt, it is an error. Any other text is a password.
// Thread-safe.
#ifndef REGISTRY_APP_CONFIG_ADMIN_PASSWORD_H_
#define REGISTRY_APP_CONFIG_ADMIN_PASSWORD_H_

#include <string>

#include "absl/status/statusor.h"
#include "app/config/flags.h"

namespace registry::app {

struct AdminPassword {
  // Exactly one of the two is set.
  std::string password;
  std::string hash;
};

// Reads -adminpwd or -adminpwdfile. Errors: those of ReadSecretFile; INVALID_ARGUMENT for a
// malformed hash or a password that bcrypt cannot hash. They name the flag or the file, never the
// secret.
absl::StatusOr<AdminPassword> ReadAdminPassword(const ServeFlags& flags);

// The only line of the file, without its newline. Errors: those of open(2) and read(2);
// INVALID_ARGUMENT if the file is empty, has several lines or more than 4 KiB.
// `what` names the file in errors: "password file".
absl::StatusOr<std::string> ReadSecretFile(absl::string_view what, const std::string& path);

}  // namespace registry::app

#endif  // REGISTRY_APP_CONFIG_ADMIN_PASSWORD_H_
