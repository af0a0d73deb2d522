#include "dataplane/incarnation_list.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace registry::dataplane {
namespace {

constexpr size_t kUuidSize = 36;

// The list is sorted by folder, then by name.
int FolderCount(bool finished) { return finished ? kBlobFolders : 1; }

std::string FolderPath(bool finished, int index) {
  return finished ? BlobFolder(index) : kUploadsFolder;
}

int FolderOf(bool finished, const Incarnation& incarnation) {
  if (!finished) return 0;
  return std::stoi(incarnation.ToString().substr(kUuidSize - 2), nullptr, 16);
}

// The first `limit` names of files in the folder that sort after `after`.
absl::StatusOr<std::vector<std::string>> NamesAfter(const DataFolder& folder,
                                                    const std::string& path, bool finished,
                                                    absl::string_view after, size_t limit) {
  const int fd = ::openat(folder.root_fd(), path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct CloseDir {
    void operator()(DIR* dir) const { ::closedir(dir); }
  };
  const std::unique_ptr<DIR, CloseDir> dir(fd < 0 ? nullptr : ::fdopendir(fd));
  if (dir == nullptr) return ErrnoStatus(errno, absl::StrCat("cannot list ", path));
  // A heap with the greatest name on top, so that the page bounds memory.
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(dir.get());
    if (entry == nullptr) break;
    const absl::string_view name(entry->d_name);
    const absl::string_view id = name.substr(0, kUuidSize);
    if (id <= after) continue;
    const absl::StatusOr<Incarnation> incarnation = Incarnation::Parse(id);
    if (!incarnation.ok()) continue;
    const bool ours =
        finished ? incarnation->ParseFinishedName(name).has_value() : name.size() == kUuidSize;
    if (!ours) continue;
    if (names.size() == limit) {
      if (name >= names.front()) continue;
      std::pop_heap(names.begin(), names.end());
      names.pop_back();
    }
    names.emplace_back(name);
    std::push_heap(names.begin(), names.end());
  }
  if (errno != 0) return ErrnoStatus(errno, absl::StrCat("cannot list ", path));
  std::sort(names.begin(), names.end());
  return names;
}

// nullopt if the file is already gone.
absl::StatusOr<std::optional<ListedIncarnation>> Look(const DataFolder& folder,
                                                      const std::string& path,
                                                      const std::string& name) {
  struct stat info;
  const std::string file = absl::StrCat(path, "/", name);
  if (::fstatat(folder.root_fd(), file.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return std::nullopt;
    return ErrnoStatus(errno, absl::StrCat("cannot stat ", file));
  }
  struct timespec now;
  ::clock_gettime(CLOCK_REALTIME, &now);
  const int64_t age_ms = (int64_t{now.tv_sec} - info.st_mtim.tv_sec) * 1000 +
                         (now.tv_nsec - info.st_mtim.tv_nsec) / 1'000'000;
  Incarnation incarnation = *Incarnation::Parse(absl::string_view(name).substr(0, kUuidSize));
  std::optional<oci::Digest> digest = incarnation.ParseFinishedName(name);
  return ListedIncarnation{.incarnation = std::move(incarnation),
                           .digest = std::move(digest),
                           .size_bytes = info.st_size,
                           .age_ms = std::max<int64_t>(age_ms, 0)};
}

}  // namespace

absl::StatusOr<IncarnationPage> ListIncarnations(const DataFolder& folder, bool finished,
                                                 absl::string_view cursor, size_t limit) {
  // The cursor is the last examined incarnation.
  int first = 0;
  if (!cursor.empty()) {
    const absl::StatusOr<Incarnation> last = Incarnation::Parse(cursor);
    if (!last.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("invalid page cursor: ", last.status().message()));
    }
    first = FolderOf(finished, *last);
  }
  IncarnationPage page;
  size_t looked_at = 0;
  for (int index = first; index < FolderCount(finished); ++index) {
    const std::string path = FolderPath(finished, index);
    const absl::StatusOr<std::vector<std::string>> names =
        NamesAfter(folder, path, finished, index == first ? cursor : "", limit - looked_at);
    if (!names.ok()) return names.status();
    for (const std::string& name : *names) {
      absl::StatusOr<std::optional<ListedIncarnation>> found = Look(folder, path, name);
      if (!found.ok()) return found.status();
      if (found->has_value()) page.incarnations.push_back(**std::move(found));
    }
    looked_at += names->size();
    if (looked_at == limit) {
      page.next = names->back().substr(0, kUuidSize);
      break;
    }
  }
  return page;
}

}  // namespace registry::dataplane
