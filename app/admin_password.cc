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

absl::StatusOr<std::string> HashOf(const std::string& secret) {
  if (!controlplane::LooksLikePasswordHash(secret)) return controlplane::HashPassword(secret);
  if (absl::Status status = controlplane::ValidatePasswordHash(secret); !status.ok()) {
    return status;
  }
  return secret;
}

absl::Status About(absl::string_view what, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(what, ": ", status.message()));
}

}  // namespace

absl::StatusOr<std::string> AdminPasswordHash(const ServeFlags& flags) {
  if (flags.admin_password_file.empty()) {
    absl::StatusOr<std::string> hash = HashOf(flags.admin_password);
    return hash.ok() ? hash : About("the administrator's password", hash.status());
  }
  const absl::StatusOr<std::string> secret =
      ReadSecretFile("password file", flags.admin_password_file);
  if (!secret.ok()) return secret.status();
  absl::StatusOr<std::string> hash = HashOf(*secret);
  if (hash.ok()) return hash;
  return About(absl::StrCat("password file ", oci::Quote(flags.admin_password_file)),
               hash.status());
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
