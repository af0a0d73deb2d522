#include "dataplane/blob_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "absl/strings/str_cat.h"

namespace registry::dataplane {

absl::Status BlobFile::CheckRange(int64_t offset, int64_t length) const {
  // The subtraction cannot overflow.
  if (offset >= 0 && length >= 1 && offset <= size_bytes_ && length <= size_bytes_ - offset) {
    return absl::OkStatus();
  }
  return absl::OutOfRangeError(absl::StrCat("cannot read ", length, " bytes from offset ", offset,
                                            ": ", path_, " has ", size_bytes_, " bytes"));
}

absl::Status BlobFile::Read(int64_t offset, char* buffer, size_t size) const {
  absl::StatusOr<size_t> n = ReadAt(fd_.get(), offset, buffer, size, path_);
  if (!n.ok()) return n.status();
  if (*n == size) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(path_, " is damaged: it ends at byte ",
                                          offset + static_cast<int64_t>(*n), " but had ",
                                          size_bytes_, " when it was opened"));
}

absl::StatusOr<BlobFile> BlobFiles::Open(const Incarnation& incarnation,
                                         const oci::Digest& digest) const {
  std::string path = incarnation.FinishedPath(digest);
  UniqueFd fd = OpenAt(folder_.root_fd(), path.c_str(), O_RDONLY);
  if (!fd.ok()) {
    if (errno == ENOENT) return NotFound(incarnation);
    return ErrnoStatus(errno, absl::StrCat("cannot open ", path));
  }
  absl::StatusOr<int64_t> size = FileSize(fd.get(), path);
  if (!size.ok()) return size.status();
  return BlobFile(std::move(fd), std::move(path), digest, *size);
}

absl::StatusOr<BlobFile> BlobFiles::Find(const Incarnation& incarnation,
                                         const std::optional<oci::Digest>& hint) const {
  if (hint.has_value()) {
    absl::StatusOr<BlobFile> blob = Open(incarnation, *hint);
    if (!absl::IsNotFound(blob.status())) return blob;
  }
  absl::StatusOr<oci::Digest> digest = FindDigest(incarnation);
  if (!digest.ok()) return digest.status();
  return Open(incarnation, *digest);
}

absl::Status BlobFiles::Delete(const Incarnation& incarnation,
                               const std::optional<oci::Digest>& hint) {
  if (hint.has_value()) {
    absl::Status status = Unlink(incarnation.FinishedPath(*hint));
    if (!absl::IsNotFound(status)) return status;
  }
  absl::StatusOr<oci::Digest> digest = FindDigest(incarnation);
  absl::Status status = digest.ok() ? Unlink(incarnation.FinishedPath(*digest)) : digest.status();
  return absl::IsNotFound(status) ? absl::OkStatus() : status;
}

absl::Status BlobFiles::Unlink(const std::string& path) {
  if (::unlinkat(folder_.root_fd(), path.c_str(), 0) == 0) return absl::OkStatus();
  if (errno == ENOENT) return absl::NotFoundError(path);
  return ErrnoStatus(errno, absl::StrCat("cannot delete ", path));
}

absl::StatusOr<oci::Digest> BlobFiles::FindDigest(const Incarnation& incarnation) const {
  const std::string folder = incarnation.FinishedFolder();
  const int fd = ::openat(folder_.root_fd(), folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct CloseDir {
    void operator()(DIR* dir) const { ::closedir(dir); }
  };
  const std::unique_ptr<DIR, CloseDir> dir(fd < 0 ? nullptr : ::fdopendir(fd));
  if (dir == nullptr && errno == ENOENT) return NotFound(incarnation);
  if (dir == nullptr) return ErrnoStatus(errno, absl::StrCat("cannot list ", folder));
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(dir.get());
    if (entry == nullptr) break;
    if (std::optional<oci::Digest> digest = incarnation.ParseFinishedName(entry->d_name)) {
      return *std::move(digest);
    }
  }
  if (errno != 0) return ErrnoStatus(errno, absl::StrCat("cannot list ", folder));
  return NotFound(incarnation);
}

absl::Status BlobFiles::NotFound(const Incarnation& incarnation) const {
  if (absl::Status status = folder_.CheckIdentity(); !status.ok()) return status;
  // Opening the data folder created it: if it is gone, a part of the store is missing.
  const std::string folder = incarnation.FinishedFolder();
  if (::faccessat(folder_.root_fd(), folder.c_str(), F_OK, 0) != 0) {
    return absl::UnavailableError(
        absl::StrCat("the storage node cannot read its store: the folder ", folder_.root(), "/",
                     folder, " is missing; check that its disk is mounted"));
  }
  return absl::NotFoundError(absl::StrCat("this storage node has no finished file of incarnation ",
                                          incarnation.ToString()));
}

}  // namespace registry::dataplane
