#include "app/genhash.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "app/config/secret_input.h"
#include "controlplane/passwords.h"

namespace registry::app {
namespace {

absl::StatusOr<std::string> AskTwice(int terminal_fd, std::ostream& prompts) {
  absl::StatusOr<std::string> password = PromptSecret(terminal_fd, "Password: ", prompts);
  if (!password.ok()) return password;
  const absl::StatusOr<std::string> again = PromptSecret(terminal_fd, "Repeat password: ", prompts);
  if (!again.ok()) return again;
  if (*password != *again) return absl::InvalidArgumentError("the two passwords differ");
  return password;
}

}  // namespace

absl::StatusOr<std::string> HashFromInput(int input_fd, std::ostream& prompts) {
  if (isatty(input_fd)) {
    const absl::StatusOr<std::string> password = AskTwice(input_fd, prompts);
    return password.ok() ? controlplane::HashPassword(*password) : password;
  }
  const absl::StatusOr<std::string> password = ReadSecretLine(input_fd);
  if (!password.ok()) {
    return absl::Status(password.status().code(),
                        absl::StrCat("standard input: ", password.status().message()));
  }
  return controlplane::HashPassword(*password);
}

}  // namespace registry::app
