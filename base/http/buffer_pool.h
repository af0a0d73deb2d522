// Allocator for the buffers of connections, which recycles them within its thread.
//
//   boost::beast::basic_flat_buffer<PooledAllocator<char>> buffer;
//
// A buffer lives only while bytes move, but frames of coroutines that live long would settle in its
// place on the heap, and the next buffer would need a new one: 10,000 slow connections once took
// 4 KiB each for buffers that none of them had. Buffers of a thread must end in that thread.
#ifndef REGISTRY_BASE_HTTP_BUFFER_POOL_H_
#define REGISTRY_BASE_HTTP_BUFFER_POOL_H_

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <new>
#include <vector>

namespace registry::http {

// The free buffers of one thread, by the power of two that is their size.
class BufferPool {
 public:
  BufferPool() = default;
  ~BufferPool() {
    for (const auto& buffers : free_) {
      for (void* buffer : buffers) ::operator delete(buffer);
    }
  }
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  static BufferPool& OfThisThread() {
    static thread_local BufferPool pool;
    return pool;
  }

  void* Take(size_t bytes) {
    const size_t size_class = ClassOf(bytes);
    if (size_class >= free_.size()) return ::operator new(bytes);
    std::vector<void*>& buffers = free_[size_class];
    if (buffers.empty()) return ::operator new (size_t{1} << size_class);
    void* buffer = buffers.back();
    buffers.pop_back();
    return buffer;
  }

  void Give(void* buffer, size_t bytes) {
    const size_t size_class = ClassOf(bytes);
    if (size_class >= free_.size() ||
        (free_[size_class].size() + 1) << size_class > kMaxFreeBytes) {
      ::operator delete(buffer);
      return;
    }
    free_[size_class].push_back(buffer);
  }

 private:
  static constexpr size_t kSmallestClass = 10;  // 1 KiB
  static constexpr size_t kLargestClass = 16;   // 64 KiB
  // Of each class.
  static constexpr size_t kMaxFreeBytes = 256 * 1024;

  static size_t ClassOf(size_t bytes) {
    return std::max(kSmallestClass, static_cast<size_t>(std::bit_width(bytes - 1)));
  }

  std::array<std::vector<void*>, kLargestClass + 1> free_;
};

template <class T>
struct PooledAllocator {
  using value_type = T;

  PooledAllocator() = default;
  template <class U>
  PooledAllocator(const PooledAllocator<U>&) {}

  T* allocate(size_t count) {
    return static_cast<T*>(BufferPool::OfThisThread().Take(count * sizeof(T)));
  }
  void deallocate(T* buffer, size_t count) {
    BufferPool::OfThisThread().Give(buffer, count * sizeof(T));
  }

  friend bool operator==(const PooledAllocator&, const PooledAllocator&) { return true; }
};

}  // namespace registry::http

#endif  // REGISTRY_BASE_HTTP_BUFFER_POOL_H_
