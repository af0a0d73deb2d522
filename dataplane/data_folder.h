// The data folder of a storage node: its layout, its identity, and the one door to the disk's
// cache.
//
//   <root>/node-id        the node's UUID, made once
//   <root>/uploads/       unfinished incarnations
//   <root>/blobs/00..ff/  finished ones (dataplane/incarnation.h)
//
// All folders are made and made durable by Open, which looks at none of the files in them: starting
// takes as long with ten million blobs as with none.
//
// After a failed flush the kernel has dropped the dirty pages and calls them clean, so a later
// success means nothing (https://wiki.postgresql.org/wiki/Fsync_Errors). Therefore the first
// failure ends all writing until the process is restarted; reads go on. Thread-safe.
#ifndef REGISTRY_DATAPLANE_DATA_FOLDER_H_
#define REGISTRY_DATAPLANE_DATA_FOLDER_H_

#include <unistd.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dataplane/file.h"

namespace registry::dataplane {

struct DataFolderOptions {
  // Made when it is missing; its parent must exist.
  std::string root;
  // How a file's bytes and a folder's entries are made durable. Tests make them fail.
  std::function<int(int fd)> flush_file = ::fdatasync;
  std::function<int(int fd)> flush_folder = ::fsync;
};

class DataFolder {
 public:
  // Error: a sentence that names the path and the reason.
  static absl::StatusOr<std::unique_ptr<DataFolder>> Open(DataFolderOptions options);

  DataFolder(const DataFolder&) = delete;
  DataFolder& operator=(const DataFolder&) = delete;

  // Absolute, without symbolic links.
  const std::string& root() const { return root_; }
  // What relative paths are opened under.
  int root_fd() const { return root_fd_.get(); }
  const std::string& node_id() const { return node_id_; }

  // UNAVAILABLE unless the folder still holds the id that it had when it was opened. Only then does
  // a missing file mean that its bytes are gone: the files of an unmounted disk are all missing.
  absl::Status CheckIdentity() const;

  // UNAVAILABLE once a flush has failed.
  absl::Status CheckWritable() const;

  // `callback` is called once, when a flush has failed; at once when it has already. An empty one
  // calls nothing.
  void OnFailure(std::function<void()> callback);

  // RESOURCE_EXHAUSTED when so little room is left on the disk that what frees room might not work
  // any more: deleting is a write to the database, which in `serve` is on the same disk.
  absl::Status CheckRoom() const;

  // Make durable. A failure is the end of all writing, and UNAVAILABLE.
  absl::Status FlushFile(int fd, absl::string_view path);
  absl::Status FlushFolder(const std::string& path);

 private:
  DataFolder(DataFolderOptions options, std::string root, UniqueFd root_fd);

  absl::Status MakeFolders();
  // Error: FAILED_PRECONDITION when there is no id.
  absl::StatusOr<std::string> ReadNodeId() const;
  absl::Status ReadOrMakeNodeId();
  absl::Status Flush(const std::function<int(int fd)>& flush, int fd, absl::string_view path);

  const DataFolderOptions options_;
  const std::string root_;
  const UniqueFd root_fd_;
  std::string node_id_;

  mutable std::mutex mutex_;
  absl::Status writable_ ABSL_GUARDED_BY(mutex_);
  std::function<void()> on_failure_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace registry::dataplane

#endif  // REGISTRY_DATAPLANE_DATA_FOLDER_H_
