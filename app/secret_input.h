// Reading secrets: from a file or pipe, and from a person at a terminal.
#ifndef REGISTRY_APP_SECRET_INPUT_H_
#define REGISTRY_APP_SECRET_INPUT_H_

#include <ostream>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace registry::app {

// All that `fd` holds, which must be one line; its newline is left out. Errors: INVALID_ARGUMENT
// when it is empty, has several lines or more than 4 KiB; what the system says about reading.
// Thread-safe.
absl::StatusOr<std::string> ReadSecretLine(int fd);

// Writes `prompt` to `prompts` and reads one line of the terminal `terminal_fd`, which meanwhile
// does not echo. Echo is back before a signal (Ctrl-C, Ctrl-Z) has its effect. Errors:
// INVALID_ARGUMENT when nothing is entered; what the system says about the terminal.
// Changes signal handlers while it runs: for one thread of a process.
absl::StatusOr<std::string> PromptSecret(int terminal_fd, absl::string_view prompt,
                                         std::ostream& prompts);

}  // namespace registry::app

#endif  // REGISTRY_APP_SECRET_INPUT_H_
