#include "app/config/admin_password.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "app/config/secret_input.h"
#include "base/quote.h"
#include "controlplane/passwords.h"

namespace registry::app {
namespace {

// A line of an Apache password file, NAME:HASH, as `htpasswd -nB NAME` prints it.
struct HtpasswdLine {
  absl::string_view name;
  absl::string_view hash;
};

std::optional<HtpasswdLine> ParseHtpasswdLine(absl::string_view text) {
  const size_t colon = text.find(':');
  if (colon == absl::string_view::npos || colon == 0) return std::nullopt;
  const HtpasswdLine line{.name = text.substr(0, colon), .hash = text.substr(colon + 1)};
  for (const char* scheme : {"$2a$", "$2b$", "$2y$", "$apr1$", "$1$", "$5$", "$6$", "{SHA}"}) {
    if (absl::StartsWith(line.hash, scheme)) return line;
  }
  return std::nullopt;
}

absl::StatusOr<AdminPassword> ValidateLine(const HtpasswdLine& line, absl::string_view user) {
  if (!controlplane::LooksLikePasswordHash(line.hash)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "it is a line of htpasswd whose hash is not bcrypt; generate one with htpasswd -nB ",
        user));
  }
  if (line.name != user) {
    return absl::InvalidArgumentError(absl::StrCat(
        "it is a line of htpasswd for user ", base::Quote(line.name), ", but the administrator is ",
        base::Quote(user), "; give -adminname ", line.name, ", or the hash alone"));
  }
  const std::string hash(line.hash);
  if (absl::Status status = controlplane::ValidatePasswordHash(hash); !status.ok()) return status;
  return AdminPassword{.hash = hash};
}

absl::StatusOr<AdminPassword> Validate(const std::string& secret, absl::string_view user) {
  if (const auto line = ParseHtpasswdLine(secret)) return ValidateLine(*line, user);
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
    absl::StatusOr<AdminPassword> password = Validate(flags.admin_password, flags.admin_name);
    return password.ok() ? password : About("the administrator's password", password.status());
  }
  const absl::StatusOr<std::string> secret =
      ReadSecretFile("password file", flags.admin_password_file);
  if (!secret.ok()) return secret.status();
  absl::StatusOr<AdminPassword> password = Validate(*secret, flags.admin_name);
  if (password.ok()) return password;
  return About(absl::StrCat("password file ", base::Quote(flags.admin_password_file)),
               password.status());
}

absl::StatusOr<std::string> ReadSecretFile(absl::string_view name, const std::string& path) {
  const std::string what = absl::StrCat(name, " ", base::Quote(path));
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", what));
  absl::StatusOr<std::string> secret = ReadSecretLine(fd);
  close(fd);
  return secret.ok() ? secret : About(what, secret.status());
}

}  // namespace registry::app
