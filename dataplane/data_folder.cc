#include "dataplane/data_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/quote.h"
#include "dataplane/incarnation.h"

namespace registry::dataplane {
namespace {

constexpr mode_t kFolderMode = 0750;
constexpr char kNodeIdFile[] = "node-id";
constexpr char kNewNodeIdFile[] = "node-id.new";

// Creates the folder at `path`, or checks that it is a writable folder. Sets `made`.
absl::Status MakeFolder(int parent_fd, const std::string& path, absl::string_view shown,
                        bool& made) {
  made = ::mkdirat(parent_fd, path.c_str(), kFolderMode) == 0;
  if (!made && errno != EEXIST) {
    return ErrnoStatus(errno, absl::StrCat("cannot create the folder ", shown));
  }
  struct stat info;
  if (::fstatat(parent_fd, path.c_str(), &info, 0) != 0) {
    return ErrnoStatus(errno, absl::StrCat("cannot stat ", shown));
  }
  if (!S_ISDIR(info.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat(shown, " is not a folder: move it away, or name another data folder"));
  }
  if (::faccessat(parent_fd, path.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
    return ErrnoStatus(errno, absl::StrCat("cannot write to the folder ", shown));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> AbsolutePath(const std::string& path) {
  char resolved[PATH_MAX];
  if (::realpath(path.c_str(), resolved) == nullptr) {
    return ErrnoStatus(errno, absl::StrCat("cannot resolve the path ", path));
  }
  return std::string(resolved);
}

}  // namespace

DataFolder::DataFolder(DataFolderOptions options, std::string root, UniqueFd root_fd)
    : options_(std::move(options)), root_(std::move(root)), root_fd_(std::move(root_fd)) {}

absl::StatusOr<std::unique_ptr<DataFolder>> DataFolder::Open(DataFolderOptions options) {
  bool made = false;
  absl::Status status = MakeFolder(AT_FDCWD, options.root, options.root, made);
  if (!status.ok()) return status;
  absl::StatusOr<std::string> root = AbsolutePath(options.root);
  if (!root.ok()) return root.status();
  UniqueFd root_fd = OpenAt(AT_FDCWD, root->c_str(), O_RDONLY | O_DIRECTORY);
  if (!root_fd.ok()) {
    return ErrnoStatus(errno, absl::StrCat("cannot open the folder ", *root));
  }
  std::unique_ptr<DataFolder> folder(
      new DataFolder(std::move(options), *std::move(root), std::move(root_fd)));
  status = folder->MakeFolders();
  // Only if created: we may not have the right to open somebody else's parent folder.
  if (status.ok() && made) status = folder->FlushFolder("..");
  if (status.ok()) status = folder->ReadOrMakeNodeId();
  if (!status.ok()) return status;
  return folder;
}

absl::Status DataFolder::MakeFolders() {
  std::vector<std::string> paths = {kUploadsFolder, kBlobsFolder};
  for (int i = 0; i < kBlobFolders; ++i) paths.push_back(BlobFolder(i));
  for (const std::string& path : paths) {
    bool made = false;
    absl::Status status = MakeFolder(root_fd(), path, absl::StrCat(root_, "/", path), made);
    if (!status.ok()) return status;
  }
  // Even if all existed: an earlier start may have died between creating and flushing them.
  absl::Status status = FlushFolder(kBlobsFolder);
  if (status.ok()) status = FlushFolder(".");
  return status;
}

absl::StatusOr<std::string> DataFolder::ReadNodeId() const {
  const std::string shown = absl::StrCat(root_, "/", kNodeIdFile);
  const UniqueFd file = OpenAt(root_fd(), kNodeIdFile, O_RDONLY);
  if (!file.ok()) {
    if (errno == ENOENT) return absl::FailedPreconditionError(absl::StrCat(shown, " is missing"));
    return ErrnoStatus(errno, absl::StrCat("cannot open ", shown));
  }
  char buffer[128];
  absl::StatusOr<size_t> size = ReadAt(file.get(), 0, buffer, sizeof buffer, shown);
  if (!size.ok()) return size.status();
  const absl::string_view text(buffer, *size);
  if (!base::IsUuid(absl::StripSuffix(text, "\n"))) {
    return absl::DataLossError(absl::StrCat(
        shown, " is damaged: it contains ", base::Quote(text),
        " instead of a UUID. Restore the id by which the control plane knows this node"));
  }
  return std::string(absl::StripSuffix(text, "\n"));
}

absl::Status DataFolder::CheckIdentity() const {
  const absl::StatusOr<std::string> id = ReadNodeId();
  if (id.ok() && *id == node_id_) return absl::OkStatus();
  const std::string reason =
      id.ok() ? absl::StrCat("its node-id is now ", *id, " instead of ", node_id_)
              : std::string(id.status().message());
  return absl::UnavailableError(absl::StrCat("the storage node cannot read its store ", root_, ": ",
                                             reason, "; check that its disk is mounted"));
}

absl::Status DataFolder::ReadOrMakeNodeId() {
  absl::StatusOr<std::string> known = ReadNodeId();
  if (known.ok()) node_id_ = *std::move(known);
  if (!absl::IsFailedPrecondition(known.status())) return known.status();

  const std::string shown = absl::StrCat(root_, "/", kNodeIdFile);
  const std::string id = base::NewUuid7();
  const std::string line = absl::StrCat(id, "\n");
  const UniqueFd file = OpenAt(root_fd(), kNewNodeIdFile, O_WRONLY | O_CREAT | O_TRUNC);
  if (!file.ok()) return ErrnoStatus(errno, absl::StrCat("cannot make ", shown));
  size_t written;
  absl::Status status = WriteAt(file.get(), 0, line, shown, written);
  if (status.ok()) status = FlushFile(file.get(), kNewNodeIdFile);
  if (!status.ok()) return status;
  if (::renameat(root_fd(), kNewNodeIdFile, root_fd(), kNodeIdFile) != 0) {
    return ErrnoStatus(errno, absl::StrCat("cannot make ", shown));
  }
  node_id_ = id;
  return FlushFolder(".");
}

absl::Status DataFolder::CheckWritable() const {
  std::lock_guard lock(mutex_);
  return writable_;
}

absl::Status DataFolder::FlushFile(int fd, absl::string_view path) {
  return Flush(options_.flush_file, fd, path);
}

absl::Status DataFolder::FlushFolder(const std::string& path) {
  const UniqueFd folder = OpenAt(root_fd(), path.c_str(), O_RDONLY | O_DIRECTORY);
  if (!folder.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open ", root_, "/", path));
  return Flush(options_.flush_folder, folder.get(), path);
}

absl::Status DataFolder::Flush(const std::function<int(int fd)>& flush, int fd,
                               absl::string_view path) {
  int result;
  do {
    result = flush(fd);
  } while (result != 0 && errno == EINTR);
  if (result == 0) return absl::OkStatus();

  const std::string reason = std::generic_category().message(errno);
  std::lock_guard lock(mutex_);
  if (writable_.ok()) {
    writable_ = absl::UnavailableError(
        absl::StrCat("the storage node accepts no writes since flushing ", root_, "/", path,
                     " to disk failed (", reason, "); check the disk, then restart the node"));
    base::LogError("flushing to disk failed: no more writes until a restart",
                   {{"folder", root_}, {"path", path}, {"error", reason}});
    if (on_failure_) on_failure_();
  }
  return writable_;
}

void DataFolder::OnFailure(std::function<void()> callback) {
  std::lock_guard lock(mutex_);
  on_failure_ = std::move(callback);
  if (!writable_.ok() && on_failure_) on_failure_();
}

absl::Status DataFolder::CheckRoom() const {
  struct statvfs disk;
  if (::fstatvfs(root_fd(), &disk) != 0) {
    return ErrnoStatus(errno, absl::StrCat("cannot get the free space of ", root_));
  }
  const uint64_t reserve =
      std::min(base::kDiskReserveBytes, uint64_t{disk.f_blocks} * disk.f_frsize / 8);
  const uint64_t free = uint64_t{disk.f_bavail} * disk.f_frsize;
  if (free >= reserve) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("no space left on the storage node: the disk of ", root_, " has ", free,
                   " bytes free, and ", reserve, " are reserved for deleting; free space on it"));
}

}  // namespace registry::dataplane
