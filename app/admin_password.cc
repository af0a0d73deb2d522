#include "app/admin_password.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "app/secret_input.h"
#include "controlplane/passwords.h"
#include "oci/error.h"

namespace registry::app {
namespace {

absl::StatusOr<AdminPassword> Validate(const std::string& secret) {
  const bool is_hash = controlplane::LooksLikePasswordHash(secret);
  const absl::Status status =
      is_hash ? controlplane::ValidatePasswordHash(secret) : controlplane::ValidatePassword(secret);
  if (!status.ok()) return status;
  return is_hash ? AdminPassword{.hash = secret} : AdminPassword{.password = secret};
}

absl::Status About(absl::string_view what, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(what, ": ", status.message()));
}

}  // namespace

absl::StatusOr<AdminPassword> ReadAdminPassword(const ServeFlags& flags) {
  if (flags.admin_password_file.empty()) {
    absl::StatusOr<AdminPassword> password = Validate(flags.admin_password);
    return password.ok() ? password : About("the administrator's password", password.status());
  }
  const absl::StatusOr<std::string> secret =
      ReadSecretFile("password file", flags.admin_password_file);
  if (!secret.ok()) return secret.status();
  absl::StatusOr<AdminPassword> password = Validate(*secret);
  if (password.ok()) return password;
  return About(absl::StrCat("password file ", oci::Quote(flags.admin_password_file)),
               password.status());
}

absl::StatusOr<std::string> ReadSecretFile(absl::string_view name, const std::string& path) {
  const std::string what = absl::StrCat(name, " ", oci::Quote(path));
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", what));
  absl::StatusOr<std::string> secret = ReadSecretLine(fd);
  close(fd);
  return secret.ok() ? secret : About(what, secret.status());
}

}  // namespace registry::app
