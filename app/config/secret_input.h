// Reads secrets: from a file or pipe, or from a person at a terminal.
#ifndef REGISTRY_APP_CONFIG_SECRET_INPUT_H_
#define REGISTRY_APP_CONFIG_SECRET_INPUT_H_

#include <ostream>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace registry::app {

// Reads `fd` to its end, which must be one line, and returns it without the newline and without a
// UTF-8 byte order mark. Errors: INVALID_ARGUMENT if it is empty, has several lines or more than
// 4 KiB, or is UTF-16; those of read(2). Thread-safe.
absl::StatusOr<std::string> ReadSecretLine(int fd);

// Writes `prompt` to `prompts` and reads one line from the terminal `terminal_fd`, with echo off.
// Turns echo on again before a signal (Ctrl-C, Ctrl-Z) takes effect. Errors: INVALID_ARGUMENT if
// nothing is entered; the system's errors from the terminal.
// Changes signal handlers while it runs: only one thread of a process may call it.
absl::StatusOr<std::string> PromptSecret(int terminal_fd, absl::string_view prompt,
                                         std::ostream& prompts);

}  // namespace registry::app

#endif  // REGISTRY_APP_CONFIG_SECRET_INPUT_H_
