// Bounds the memory that the request headers of one event loop's connections hold together.
//
//   HeaderMemory::Account account(memory, [this] { transport_.Close(); });
//   account.BeginReading();
//   if (!account.Hold(buffer.capacity())) …  // refuse the request
//   account.EndReading();
//
// If there is no room, closes the connections that have been sending a header for the longest time:
// a client that sends slowly loses its connection, and one that sends its header at once keeps it.
// A complete header counts until its request is answered, and is never cut off. Not thread-safe:
// one event loop.
#ifndef REGISTRY_BASE_HTTP_HEADER_MEMORY_H_
#define REGISTRY_BASE_HTTP_HEADER_MEMORY_H_

#include <cstddef>
#include <functional>
#include <list>
#include <utility>

namespace registry::http {

class HeaderMemory {
 public:
  explicit HeaderMemory(size_t max_bytes) : max_bytes_(max_bytes) {}

  HeaderMemory(const HeaderMemory&) = delete;
  HeaderMemory& operator=(const HeaderMemory&) = delete;

  // The memory of one connection. The HeaderMemory must outlive it.
  class Account {
   public:
    // `cut_off` must make the connection end soon, without calling this object.
    Account(HeaderMemory& memory, std::function<void()> cut_off);
    ~Account();
    Account(const Account&) = delete;
    Account& operator=(const Account&) = delete;

    // While the connection reads a header, it can be cut off.
    void BeginReading();
    void EndReading();

    // Reports how much the connection holds now. Returns false if there is no room, or if the
    // connection is being cut off: then it must free its memory.
    bool Hold(size_t bytes);

   private:
    friend class HeaderMemory;

    HeaderMemory& memory_;
    const std::function<void()> cut_off_;
    size_t bytes_ = 0;
    bool is_cut_off_ = false;
    bool reading_ = false;
    std::list<Account*>::iterator position_;
  };

  size_t bytes() const { return bytes_; }

  // Returns how many connections were cut off since the last call.
  size_t TakeCutOffCount() { return std::exchange(cut_off_count_, 0); }

 private:
  const size_t max_bytes_;
  size_t bytes_ = 0;
  size_t cut_off_count_ = 0;
  // Connections that read a header, the earliest first.
  std::list<Account*> reading_;
};

}  // namespace registry::http

#endif  // REGISTRY_BASE_HTTP_HEADER_MEMORY_H_
