#include "app/renewals.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/log.h"

namespace registry::app {
namespace {

bool CanBeReadAgain(const std::string& path) {
  struct stat status;
  // A missing file may appear later.
  return ::stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode);
}

// Adds the file's content, or the error from reading it.
void AddFile(const std::string& path, base::Hasher& hasher) {
  // O_NONBLOCK, so as not to wait for the writer of a pipe that has replaced the file.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return hasher.Update(absl::StrCat("error ", errno, ";"));
  std::string buffer(64 * 1024, '\0');
  size_t total = 0;
  while (total < base::kMaxRenewedFileBytes) {
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) hasher.Update(absl::StrCat("error ", errno, ";"));
    if (count <= 0) break;
    hasher.Update(absl::string_view(buffer).substr(0, static_cast<size_t>(count)));
    total += static_cast<size_t>(count);
  }
  ::close(fd);
  hasher.Update(absl::StrCat(";", total, ";"));
}

}  // namespace

FileState::FileState(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    if (!path.empty() && CanBeReadAgain(path)) paths_.push_back(path);
  }
  digest_ = Read();
}

bool FileState::HasChanged() {
  std::string now = Read();
  if (now == digest_) return false;
  digest_ = std::move(now);
  return true;
}

std::string FileState::Read() const {
  base::Hasher hasher("sha256");
  for (const std::string& path : paths_) AddFile(path, hasher);
  return hasher.Finish();
}

Renewals::~Renewals() {
  {
    std::lock_guard lock(stop_mutex_);
    stop_ = true;
  }
  stop_changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Renewals::Add(Renewal renewal) {
  std::lock_guard lock(check_mutex_);
  entries_.push_back({.renewal = std::move(renewal)});
}

bool Renewals::empty() {
  std::lock_guard lock(check_mutex_);
  return entries_.empty();
}

void Renewals::Start() {
  thread_ = std::thread([this] {
    while (true) {
      {
        std::unique_lock lock(stop_mutex_);
        const auto stopped = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return stop_; };
        if (stop_changed_.wait_for(lock, interval_, stopped)) return;
      }
      Check(/*on_demand=*/false);
    }
  });
}

void Renewals::CheckNow() { Check(/*on_demand=*/true); }

void Renewals::Check(bool on_demand) {
  std::lock_guard lock(check_mutex_);
  for (Entry& entry : entries_) {
    const bool changed = entry.renewal.files.HasChanged();
    if (changed || (on_demand && (entry.failed || entry.renewal.always_on_demand))) Renew(entry);
  }
}

void Renewals::Renew(Entry& entry) {
  const absl::Status status = entry.renewal.renew();
  entry.failed = !status.ok();
  if (entry.renewal.logs_itself) return;
  if (status.ok()) {
    base::LogInfo(absl::StrCat(entry.renewal.name, " was renewed"));
  } else {
    base::LogError(absl::StrCat(entry.renewal.name, " was not renewed, and the old one stays"),
                   {{"error", status.message()}});
  }
}

}  // namespace registry::app
