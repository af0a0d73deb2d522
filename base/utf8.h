// What text may hold. Text of clients becomes text of JSON, SQL and Protobuf, which all demand it.
//
// Thread-safe. Sources: RFC 3629; Unicode, C0 and C1 controls.
#ifndef REGISTRY_BASE_UTF8_H_
#define REGISTRY_BASE_UTF8_H_

#include "absl/strings/string_view.h"

namespace registry::base {

// No overlong forms, no surrogates, nothing above U+10FFFF, and no NUL, which ends text in SQL.
bool IsUtf8Text(absl::string_view text);

// Whether text in UTF-8 holds a control character (Unicode's category Cc), which a terminal could
// take for a command.
bool HasControlCharacter(absl::string_view text);

}  // namespace registry::base

#endif  // REGISTRY_BASE_UTF8_H_
