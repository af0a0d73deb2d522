// Memory budget shared by all requests of a kind, so that their number cannot exhaust memory.
//
//   MemoryBudget::Share share(budget, bytes);
//   if (!share.granted()) return absl::UnavailableError("…");
//   if (!share.Grow(more_bytes)) return absl::UnavailableError("…");
//
// Thread-safe.
#ifndef REGISTRY_GATEWAY_LIMITS_MEMORY_BUDGET_H_
#define REGISTRY_GATEWAY_LIMITS_MEMORY_BUDGET_H_

#include <atomic>
#include <cstddef>

namespace registry::gateway {

class MemoryBudget {
 public:
  explicit MemoryBudget(size_t bytes) : free_bytes_(bytes) {}

  // The destructor returns the share.
  class Share {
   public:
    Share(MemoryBudget& budget, size_t bytes)
        : budget_(budget), bytes_(bytes), granted_(budget.Take(bytes)) {}
    ~Share() {
      if (granted_) budget_.free_bytes_ += bytes_;
    }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    bool granted() const { return granted_; }

    // Takes more into a share that was granted. False: the share stays as it was.
    bool Grow(size_t bytes) {
      if (!budget_.Take(bytes)) return false;
      bytes_ += bytes;
      return true;
    }

   private:
    MemoryBudget& budget_;
    size_t bytes_;
    const bool granted_;
  };

 private:
  bool Take(size_t bytes) {
    size_t free = free_bytes_;
    while (free >= bytes) {
      if (free_bytes_.compare_exchange_weak(free, free - bytes)) return true;
    }
    return false;
  }

  std::atomic<size_t> free_bytes_;
};

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_LIMITS_MEMORY_BUDGET_H_
