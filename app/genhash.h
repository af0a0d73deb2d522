// `simple-registry genhash`: the bcrypt hash of a password.
#ifndef REGISTRY_APP_GENHASH_H_
#define REGISTRY_APP_GENHASH_H_

#include <ostream>
#include <string>

#include "absl/status/statusor.h"

namespace registry::app {

// If `input_fd` is a terminal, asks twice, with prompts on `prompts`; otherwise reads all of the
// input, without its newline. Errors: those of secret_input.h; INVALID_ARGUMENT if the two
// passwords differ or bcrypt cannot hash the password.
absl::StatusOr<std::string> HashFromInput(int input_fd, std::ostream& prompts);

}  // namespace registry::app

#endif  // REGISTRY_APP_GENHASH_H_
