// Time as the database stores it: milliseconds since the epoch. Tests pass their own Clock.
#ifndef REGISTRY_CONTROLPLANE_CLOCK_H_
#define REGISTRY_CONTROLPLANE_CLOCK_H_

#include <chrono>
#include <cstdint>
#include <functional>

namespace registry::controlplane {

// Thread-safe.
using Clock = std::function<int64_t()>;

inline int64_t SystemNowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// A duration in the same unit.
inline constexpr int64_t ToMs(std::chrono::milliseconds span) { return span.count(); }

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_CLOCK_H_
