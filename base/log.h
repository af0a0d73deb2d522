// Structured logging: one JSON object a line on standard error.
//
//   LogError("cannot delete trash", {{"incarnation", id}, {"error", status.ToString()}});
//
// Lines are written by a thread of their own, from a bounded queue; when standard error is too
// slow, the oldest lines are dropped and a later line counts them. Never log secrets. Thread-safe.
#ifndef REGISTRY_BASE_LOG_H_
#define REGISTRY_BASE_LOG_H_

#include <concepts>
#include <initializer_list>
#include <string>
#include <variant>

#include "absl/strings/string_view.h"

namespace registry::base {

// A name and a value.
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

// Something worth knowing happened.
void LogInfo(absl::string_view message, LogFields fields = {});
// The registry goes on, but an operator should look.
void LogWarning(absl::string_view message, LogFields fields = {});
// Something failed that should not.
void LogError(absl::string_view message, LogFields fields = {});

// Writes all lines so far. Call it before the process ends. False when that does not come to an end
// within 2 s, because whoever should read standard error does not.
bool FlushLog();

}  // namespace registry::base

#endif  // REGISTRY_BASE_LOG_H_
