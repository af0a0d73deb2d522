// Bounds the memory that the request headers of one event loop's connections hold together.
//
//   HeaderMemory::Account account(memory, [this] { transport_.Close(); });
//   account.BeginReading();
//   if (!account.Hold(buffer.capacity())) …  // refuse the request
//   account.EndReading();
//
// When there is no room, the connections that have been sending a header for longest are cut off:
// a client that dribbles loses its connection, and one that sends its header at once keeps it. A
// header that is complete counts until its request is answered, and is never cut off. Not
// thread-safe: one event loop.
#ifndef REGISTRY_GATEWAY_HTTP_HEADER_MEMORY_H_
#define REGISTRY_GATEWAY_HTTP_HEADER_MEMORY_H_

#include <cstddef>
#include <functional>
#include <list>
#include <utility>

namespace registry::gateway {

class HeaderMemory {
 public:
  explicit HeaderMemory(size_t max_bytes) : max_bytes_(max_bytes) {}

  HeaderMemory(const HeaderMemory&) = delete;
  HeaderMemory& operator=(const HeaderMemory&) = delete;

  // What one connection holds. Its memory must outlive it.
  class Account {
   public:
    // `cut_off` must make the connection end soon, without calling this object.
    Account(HeaderMemory& memory, std::function<void()> cut_off);
    ~Account();
    Account(const Account&) = delete;
    Account& operator=(const Account&) = delete;

    // While the connection reads a header it can be cut off.
    void BeginReading();
    void EndReading();

    // Tells how much the connection holds now. Returns false when there is no room for it, or none
    // any more because the connection is being cut off: then it must free what it holds.
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

  // How many connections were cut off since the last call.
  size_t TakeCutOffCount() { return std::exchange(cut_off_count_, 0); }

 private:
  const size_t max_bytes_;
  size_t bytes_ = 0;
  size_t cut_off_count_ = 0;
  // Those that read a header, the one that began first at the front.
  std::list<Account*> reading_;
};

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_HTTP_HEADER_MEMORY_H_
