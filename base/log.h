// Structured logging: one JSON object a line on standard error.
//
//   LogError("cannot delete trash", {{"incarnation", id}, {"error", status.ToString()}});
//
// A separate thread writes the lines from a bounded queue. If standard error is too slow, the queue
// drops its oldest lines and a later line counts them. Never log secrets. Thread-safe.
#ifndef REGISTRY_BASE_LOG_H_
#define REGISTRY_BASE_LOG_H_

#include <concepts>
#include <initializer_list>
#include <string>
#include <variant>

#include "absl/strings/string_view.h"

namespace registry::base {

// A named value in a log line.
struct LogField {
  template <class T>
  requires std::convertible_to<T, absl::string_view> LogField(absl::string_view name,
                                                              const T& value)
      : name(name), value(absl::string_view(value)) {}
  LogField(absl::string_view name, std::integral auto value)
      : name(name), value(static_cast<int64_t>(value)) {}
  LogField(absl::string_view name, double value) : name(name), value(value) {}

  absl::string_view name;
  std::variant<absl::string_view, int64_t, double> value;
};
using LogFields = std::initializer_list<LogField>;

// An event that operators may want to know.
void LogInfo(absl::string_view message, LogFields fields = {});
// The registry works, but an operator should look at this.
void LogWarning(absl::string_view message, LogFields fields = {});
// A failure that should not happen.
void LogError(absl::string_view message, LogFields fields = {});

// Writes all lines so far. Call it before the process ends. Returns false after 2 s if the reader
// of standard error does not keep up.
bool FlushLog();

}  // namespace registry::base

#endif  // REGISTRY_BASE_LOG_H_
