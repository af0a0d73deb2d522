#include "base/http/file_reader.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/unique_fd.h"

namespace registry::http {
namespace {

constexpr int64_t kReadAheadBytes = 128 * 1024;

// At the end of the file there is nothing to wait for.
bool ByteInMemory(int descriptor, int64_t offset) {
  char byte;
  const iovec buffer{.iov_base = &byte, .iov_len = 1};
  return ::preadv2(descriptor, &buffer, 1, offset, RWF_NOWAIT) >= 0;
}

bool RangeInMemory(int descriptor, int64_t offset, int64_t length) {
  for (int64_t at = offset; at < offset + length; at += kReadAheadBytes) {
    if (!ByteInMemory(descriptor, at)) return false;
  }
  return length == 0 || ByteInMemory(descriptor, offset + length - 1);
}

}  // namespace

FileReader::FileReader(FileReaderOptions options)
    : options_([&options] {
        if (!options.in_memory) options.in_memory = RangeInMemory;
        if (!options.read) options.read = ::pread;
        return std::move(options);
      }()),
      pool_(options_.threads, options_.max_queued) {}

bool FileReader::InMemory(int descriptor, int64_t offset, int64_t length) const {
  return options_.in_memory(descriptor, offset, length);
}

Awaitable<absl::Status> FileReader::Fetch(int descriptor, int64_t offset, int64_t length) {
  // Shared, because jobs must be copyable.
  auto file = std::make_shared<base::UniqueFd>(::fcntl(descriptor, F_DUPFD_CLOEXEC, 0));
  if (!file->ok()) {
    co_return absl::UnavailableError(absl::StrCat("cannot read a file: ", std::strerror(errno)));
  }
  auto read_all = [file = std::move(file), &read = options_.read, offset,
                   length]() mutable -> absl::Status {
    std::vector<char> buffer(kReadAheadBytes);
    while (length > 0) {
      const size_t size = std::min<size_t>(buffer.size(), static_cast<size_t>(length));
      const ssize_t got = read(file->get(), buffer.data(), size, offset);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) {
        return absl::DataLossError(
            absl::StrCat("cannot read the stored file: ", std::strerror(errno)));
      }
      if (got == 0) return absl::DataLossError("the stored file is shorter than its record");
      offset += got;
      length -= got;
    }
    // The disk goes on while these bytes are sent.
    ::posix_fadvise(file->get(), offset, 8 * kReadAheadBytes, POSIX_FADV_WILLNEED);
    return absl::OkStatus();
  };
  co_return co_await Run(std::move(read_all));
}

}  // namespace registry::http
