// The data folder of a storage node: its layout, its identity, and the only place that flushes
// files.
//
//   <root>/node-id        the node's UUID, created once
//   <root>/uploads/       unfinished incarnations
//   <root>/blobs/00..ff/  finished ones (dataplane/incarnation.h)
//
// Open creates all folders and makes them durable. It reads none of the files in them: starting
// takes as long with ten million blobs as with none.
//
// After a failed flush the kernel drops the dirty pages and marks them clean, so a later flush may
// succeed without having written them (https://wiki.postgresql.org/wiki/Fsync_Errors). Therefore,
// after the first failure, the folder accepts no writes until a restart; reads go on. Thread-safe.
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
  // Open creates it if missing; its parent must exist.
  std::string root;
  // Make a file's bytes and a folder's entries durable. Tests make them fail.
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
  // The folder for relative paths.
  int root_fd() const { return root_fd_.get(); }
  const std::string& node_id() const { return node_id_; }

  // UNAVAILABLE unless the folder still contains the id that it had when opened. Only then does a
  // missing file mean lost bytes: on an unmounted disk all files are missing.
  absl::Status CheckIdentity() const;

  // UNAVAILABLE once a flush has failed.
  absl::Status CheckWritable() const;

  // Calls `callback` once, after a flush has failed; immediately if that has already happened.
  // Empty: removes the callback.
  void OnFailure(std::function<void()> callback);

  // RESOURCE_EXHAUSTED if the disk has so little space left that freeing space might fail: deleting
  // writes to the database, which in `serve` is on the same disk.
  absl::Status CheckRoom() const;

  // Make durable. A failure is UNAVAILABLE, and then the folder accepts no further writes.
  absl::Status FlushFile(int fd, absl::string_view path);
  absl::Status FlushFolder(const std::string& path);

 private:
  DataFolder(DataFolderOptions options, std::string root, UniqueFd root_fd);

  absl::Status MakeFolders();
  // Error: FAILED_PRECONDITION if there is no id.
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
