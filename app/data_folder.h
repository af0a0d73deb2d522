// The data folder of one process: made if it is missing, and locked as long as the object lives.
//
// The lock is advisory (flock) and goes with the process, however it ends. Thread-safe.
#ifndef REGISTRY_APP_DATA_FOLDER_H_
#define REGISTRY_APP_DATA_FOLDER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace registry::app {

class DataFolder {
 public:
  // Errors name the folder, the reason and the remedy: it is no folder, cannot be written, or
  // another process uses it.
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
