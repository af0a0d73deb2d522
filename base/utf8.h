// Checks text from clients before it goes into JSON, SQL and Protobuf, which all require UTF-8.
//
// Thread-safe. Sources: RFC 3629; Unicode, C0 and C1 controls.
#ifndef REGISTRY_BASE_UTF8_H_
#define REGISTRY_BASE_UTF8_H_

#include "absl/strings/string_view.h"

namespace registry::base {

// Returns true for valid UTF-8 without NUL, which would end text in SQL. Overlong forms, surrogates
// and code points above U+10FFFF are invalid.
bool IsUtf8Text(absl::string_view text);

// Returns true if UTF-8 text contains a control character (Unicode category Cc); a terminal could
// execute it.
bool HasControlCharacter(absl::string_view text);

}  // namespace registry::base

#endif  // REGISTRY_BASE_UTF8_H_
