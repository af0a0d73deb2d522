#include "app/data_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace registry::app {
namespace {

namespace fs = std::filesystem;

absl::Status Unusable(const std::string& path, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat(
      "cannot use the data folder \"", path, "\": ", why,
      "; make it a folder that this user can write to, or choose another with -datadir"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<DataFolder>> DataFolder::Lock(const std::string& path) {
  std::error_code error;
  const std::string absolute = fs::absolute(path, error).lexically_normal().string();
  if (error) return Unusable(path, error.message());
  fs::create_directories(absolute, error);
  if (error) return Unusable(absolute, error.message());

  const std::string lock_path = absolute + "/lock";
  const int descriptor = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) {
    return Unusable(absolute, absl::StrCat("cannot write \"lock\" in it: ", std::strerror(errno)));
  }
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    const int reason = errno;
    ::close(descriptor);
    if (reason != EWOULDBLOCK) return Unusable(absolute, std::strerror(reason));
    return absl::FailedPreconditionError(
        absl::StrCat("the data folder \"", absolute,
                     "\" is in use by another process: stop that process, or choose another folder "
                     "with -datadir"));
  }
  return std::unique_ptr<DataFolder>(new DataFolder(absolute, descriptor));
}

DataFolder::~DataFolder() { ::close(descriptor_); }

}  // namespace registry::app
