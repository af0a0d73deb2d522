// Watches files (certificates, keys, passwords) and has changed ones read again.
//
//   Renewals renewals;
//   renewals.Add({.name = "the certificate of HTTPS",
//                 .files = FileState({certfile, keyfile}),
//                 .renew = [&] { return ReadAgain(); }});
//   renewals.Start();
//   renewals.CheckNow();  // on SIGHUP
//
// A thread compares the contents of the files every base::kRenewalInterval, so it notices a
// switched link, as with Kubernetes' ConfigMaps and Secrets, like a written file. Renewals logs
// successes and failures. After a failure the old state stays, until a file changes again or
// CheckNow is called.
#ifndef REGISTRY_APP_RENEWALS_H_
#define REGISTRY_APP_RENEWALS_H_

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "base/limits.h"

namespace registry::app {

// A snapshot of the contents of some files. Take it before the first use of the files, so that it
// misses no change. Files that can be read only once, such as pipes, never change. Not thread-safe.
class FileState {
 public:
  FileState() = default;
  // Ignores empty paths.
  explicit FileState(const std::vector<std::string>& paths);

  bool empty() const { return paths_.empty(); }

  // Returns true if the files have changed since the last call, or since the constructor.
  bool HasChanged();

 private:
  std::string Read() const;

  std::vector<std::string> paths_;
  std::string digest_;
};

// Files that are renewed together.
struct Renewal {
  // For the log: "the certificate of HTTPS".
  std::string name;
  FileState files;
  // Reads the files again and uses them; called by one thread at a time. On an error, keeps the old
  // state. The error names the file.
  std::function<absl::Status()> renew;
  // CheckNow calls `renew` even if no file has changed.
  bool always_on_demand = false;
  // True if `renew` logs its results itself.
  bool logs_itself = false;
};

// Thread-safe, except that Add comes before Start.
class Renewals {
 public:
  explicit Renewals(std::chrono::milliseconds interval = base::kRenewalInterval)
      : interval_(interval) {}
  // Waits for a check in progress.
  ~Renewals();

  Renewals(const Renewals&) = delete;
  Renewals& operator=(const Renewals&) = delete;

  void Add(Renewal renewal);
  bool empty();
  void Start();

  // Also retries earlier failures. Blocks.
  void CheckNow();

 private:
  struct Entry {
    Renewal renewal;
    bool failed = false;
  };

  void Check(bool on_demand);
  void Renew(Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(check_mutex_);

  const std::chrono::milliseconds interval_;

  // Held while checking and renewing files.
  std::mutex check_mutex_;
  std::vector<Entry> entries_ ABSL_GUARDED_BY(check_mutex_);

  std::mutex stop_mutex_;
  std::condition_variable stop_changed_;
  bool stop_ ABSL_GUARDED_BY(stop_mutex_) = false;
  std::thread thread_;
};

}  // namespace registry::app

#endif  // REGISTRY_APP_RENEWALS_H_
