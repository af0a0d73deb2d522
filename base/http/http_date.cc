#include "base/http/http_date.h"

#include "absl/strings/str_format.h"

namespace registry::http {

std::string FormatHttpDate(std::time_t time) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm utc = {};
  ::gmtime_r(&time, &utc);
  return absl::StrFormat("%s, %02d %s %04d %02d:%02d:%02d GMT", kDays[utc.tm_wday], utc.tm_mday,
                         kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
                         utc.tm_sec);
}

absl::string_view CurrentHttpDate() {
  thread_local std::time_t formatted_at = -1;
  thread_local std::string date;
  if (const std::time_t now = std::time(nullptr); now != formatted_at) {
    date = FormatHttpDate(now);
    formatted_at = now;
  }
  return date;
}

}  // namespace registry::http
