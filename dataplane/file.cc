#include "dataplane/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace registry::dataplane {

absl::Status ErrnoStatus(int error, absl::string_view what) {
  const std::string message = absl::StrCat(what, ": ", std::generic_category().message(error));
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return absl::ResourceExhaustedError(
          absl::StrCat("no space left on the storage node: ", message));
    case EIO:
      return absl::DataLossError(message);
    case EROFS:
    case EACCES:
    case EPERM:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return absl::UnavailableError(message);
    default:
      return absl::InternalError(message);
  }
}

UniqueFd OpenAt(int folder_fd, const char* path, int flags) {
  constexpr mode_t kFileMode = 0640;
  int fd;
  do {
    fd = ::openat(folder_fd, path, flags | O_CLOEXEC | O_NOFOLLOW, kFileMode);
  } while (fd < 0 && errno == EINTR);
  return UniqueFd(fd);
}

absl::StatusOr<int64_t> FileSize(int fd, absl::string_view path) {
  struct stat info;
  if (::fstat(fd, &info) != 0) return ErrnoStatus(errno, absl::StrCat("cannot stat ", path));
  if (!S_ISREG(info.st_mode)) {
    return absl::InternalError(absl::StrCat(path, " is not a regular file; remove it"));
  }
  return info.st_size;
}

absl::StatusOr<size_t> ReadAt(int fd, int64_t offset, char* buffer, size_t size,
                              absl::string_view path) {
  size_t done = 0;
  while (done < size) {
    const ssize_t n = ::pread(fd, buffer + done, size - done, offset + static_cast<int64_t>(done));
    if (n == 0) break;
    if (n < 0) {
      if (errno == EINTR) continue;
      return ErrnoStatus(errno, absl::StrCat("cannot read ", path));
    }
    done += static_cast<size_t>(n);
  }
  return done;
}

absl::Status WriteAt(int fd, int64_t offset, absl::string_view bytes, absl::string_view path,
                     size_t& written) {
  written = 0;
  while (written < bytes.size()) {
    const ssize_t n = ::pwrite(fd, bytes.data() + written, bytes.size() - written,
                               offset + static_cast<int64_t>(written));
    if (n < 0) {
      if (errno == EINTR) continue;
      return ErrnoStatus(errno, absl::StrCat("cannot write ", path));
    }
    written += static_cast<size_t>(n);
  }
  return absl::OkStatus();
}

}  // namespace registry::dataplane
