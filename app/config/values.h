// Parses values that flags and YAML files write alike. Thread-safe.
#ifndef REGISTRY_APP_CONFIG_VALUES_H_
#define REGISTRY_APP_CONFIG_VALUES_H_

#include <chrono>
#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace registry::app {

// "2026-01-31T12:00:00Z" in milliseconds since the epoch; nullopt for anything but RFC 3339.
std::optional<int64_t> ParseRfc3339(absl::string_view text);

// "90", "90s", "5m", "1h30m", "30d": whole days, hours, minutes and seconds, each at most once and
// in this order; a bare number is seconds. nullopt for anything else, or more than ten years.
std::optional<std::chrono::seconds> ParseDuration(absl::string_view text);

// "1048576", "512K", "20G": bytes, or KiB, MiB, GiB, TiB with one of the suffixes K, M, G, T.
// nullopt for anything else, or more than 2^62 bytes.
std::optional<int64_t> ParseByteSize(absl::string_view text);
// A limit, such as on requests per second: 0 (no limit) to kMaxLimit. nullopt for anything else.
inline constexpr int kMaxLimit = 1'000'000;
std::optional<int> ParseLimit(absl::string_view text);

}  // namespace registry::app

#endif  // REGISTRY_APP_CONFIG_VALUES_H_
