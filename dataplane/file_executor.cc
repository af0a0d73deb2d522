#include "dataplane/file_executor.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace registry::dataplane {
namespace {

absl::Status TooBusy() {
  return absl::UnavailableError("the storage node has too many requests waiting; try again");
}

}  // namespace

FileExecutor::FileExecutor(FileExecutorOptions options)
    : max_jobs_per_incarnation_(options.max_jobs_per_incarnation),
      short_pool_(options.short_threads, options.max_queued),
      long_pool_(options.long_threads, options.max_queued) {}

FileExecutor::~FileExecutor() {
  std::lock_guard lock(mutex_);
  stopping_ = true;
}

absl::Status FileExecutor::Submit(Job job) {
  return short_pool_.Submit(std::move(job)) ? absl::OkStatus() : TooBusy();
}

absl::Status FileExecutor::Submit(const Incarnation& incarnation, Length length, Job job) {
  const std::string& key = incarnation.ToString();
  std::lock_guard lock(mutex_);
  std::deque<Entry>& queue = queues_[key];
  if (queue.size() >= max_jobs_per_incarnation_) {
    return absl::UnavailableError(
        absl::StrCat("too many requests for the upload ", key, " are waiting; try again"));
  }
  // Under the lock, so that no job queues behind an entry that no pool accepted.
  if (queue.empty() && !pool(length).Submit([this, key] { Run(key); })) {
    queues_.erase(key);
    return TooBusy();
  }
  queue.push_back({length, std::move(job)});
  return absl::OkStatus();
}

void FileExecutor::Run(const std::string& incarnation) {
  while (true) {
    Job job;
    {
      std::lock_guard lock(mutex_);
      job = std::move(queues_[incarnation].front().job);
    }
    job();
    job = nullptr;  // Release its resources before the next job starts.

    std::lock_guard lock(mutex_);
    const auto it = queues_.find(incarnation);
    it->second.pop_front();
    if (it->second.empty()) {
      queues_.erase(it);
      return;
    }
    const Length next = it->second.front().length;
    if (!stopping_ && pool(next).Submit([this, incarnation] { Run(incarnation); })) return;
    // That pool is full. The job has been accepted, so run it here.
  }
}

}  // namespace registry::dataplane
