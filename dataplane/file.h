// Small helpers for POSIX files: open, read, write, and errno as absl::Status.
#ifndef REGISTRY_DATAPLANE_FILE_H_
#define REGISTRY_DATAPLANE_FILE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/unique_fd.h"

namespace registry::dataplane {

using base::UniqueFd;

// Turns `error` (an errno) into a status: RESOURCE_EXHAUSTED for a full disk, DATA_LOSS for a
// failing one, UNAVAILABLE for problems that an operator can fix, otherwise INTERNAL. The message
// is "<what>: <text of errno>".
absl::Status ErrnoStatus(int error, absl::string_view what);

// openat() with O_CLOEXEC and O_NOFOLLOW. On failure, errno has the reason.
UniqueFd OpenAt(int folder_fd, const char* path, int flags);

// The size of an open file. Error: INTERNAL if it is not a regular file.
absl::StatusOr<int64_t> FileSize(int fd, absl::string_view path);

// Reads at most `size` bytes; fewer only at the end of the file.
absl::StatusOr<size_t> ReadAt(int fd, int64_t offset, char* buffer, size_t size,
                              absl::string_view path);

// Writes all of `bytes`. Sets `written` to the number of bytes in the file, even on failure.
absl::Status WriteAt(int fd, int64_t offset, absl::string_view bytes, absl::string_view path,
                     size_t& written);

}  // namespace registry::dataplane

#endif  // REGISTRY_DATAPLANE_FILE_H_
