// Formats dates for HTTP: "Sun, 06 Nov 1994 08:49:37 GMT" (IMF-fixdate).
//
// Thread-safe. Source: RFC 9110, section 5.6.7.
#ifndef REGISTRY_BASE_HTTP_HTTP_DATE_H_
#define REGISTRY_BASE_HTTP_HTTP_DATE_H_

#include <ctime>
#include <string>

#include "absl/strings/string_view.h"

namespace registry::http {

// The date in English, whatever the locale.
std::string FormatHttpDate(std::time_t time);

// The date of this second. Each thread formats it at most once a second; the view is valid until
// the thread's next call.
absl::string_view CurrentHttpDate();

}  // namespace registry::http

#endif  // REGISTRY_BASE_HTTP_HTTP_DATE_H_
