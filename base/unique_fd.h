// Owns a file descriptor and closes it; -1 means none. Move it from one thread at a time.
#ifndef REGISTRY_BASE_UNIQUE_FD_H_
#define REGISTRY_BASE_UNIQUE_FD_H_

#include <unistd.h>

#include <utility>

namespace registry::base {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    other.Close();
    return *this;
  }
  ~UniqueFd() { Close(); }

  bool ok() const { return fd_ >= 0; }
  int get() const { return fd_; }
  // fdatasync has reported write errors, so close() need not.
  void Close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_ = -1;
};

}  // namespace registry::base

#endif  // REGISTRY_BASE_UNIQUE_FD_H_
