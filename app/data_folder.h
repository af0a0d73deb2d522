// Locks the data folder for one process, while the object lives. Creates the folder if missing.
//
// The lock is advisory (flock); the system releases it when the process ends, however it ends.
// Thread-safe.
#ifndef REGISTRY_APP_DATA_FOLDER_H_
#define REGISTRY_APP_DATA_FOLDER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace registry::app {

class DataFolder {
 public:
  // Errors name the folder, the reason and the remedy: it is not a folder, is not writable, or is
  // in use by another process.
  static absl::StatusOr<std::unique_ptr<DataFolder>> Lock(const std::string& path);

  ~DataFolder();
  DataFolder(const DataFolder&) = delete;
  DataFolder& operator=(const DataFolder&) = delete;

  // Absolute.
  const std::string& path() const { return path_; }

 private:
  DataFolder(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}

  const std::string path_;
  const int descriptor_;
};

}  // namespace registry::app

#endif  // REGISTRY_APP_DATA_FOLDER_H_
