// Text of others in messages.
#ifndef REGISTRY_BASE_QUOTE_H_
#define REGISTRY_BASE_QUOTE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace registry::base {

// Quotes a client's text for an error message: escapes control characters, cuts at 200 bytes.
std::string Quote(absl::string_view text);

}  // namespace registry::base

#endif  // REGISTRY_BASE_QUOTE_H_
