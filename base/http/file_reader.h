// Keeps disks off the event loops: a loop sends only bytes that are in memory, and threads of this
// class wait for those that are not.
//
//   if (!files.InMemory(descriptor, offset, length)) {
//     absl::Status status = co_await files.Fetch(descriptor, offset, length);
//     …
//   }
//   ::sendfile(socket, descriptor, &offset, length);   // does not wait for the disk
//
// So a disk that hangs delays only the requests that need it. Each request waits for at
// most one job, so the queue, which holds one for every connection, is never full.
//
// Thread-safe. Must outlive the coroutines that use it.
#ifndef REGISTRY_BASE_HTTP_FILE_READER_H_
#define REGISTRY_BASE_HTTP_FILE_READER_H_

#include <sys/types.h>

#include <atomic>
#include <functional>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/http/awaitable.h"
#include "base/limits.h"
#include "base/worker_pool.h"

namespace registry::http {

struct FileReaderOptions {
  size_t threads = base::kFileThreads;
  // Requests that may wait for a thread.
  size_t max_queued = base::kMaxConnections;
  // For tests, which have no slow disk. Empty: preadv2(RWF_NOWAIT), and pread.
  std::function<bool(int descriptor, int64_t offset, int64_t length)> in_memory;
  std::function<ssize_t(int descriptor, char* buffer, size_t size, int64_t offset)> read;
};

class FileReader {
 public:
  explicit FileReader(FileReaderOptions options = {});

  // Returns true if these bytes can be read without waiting for a disk. It asks for one byte in
  // every 128 KiB, the unit in which the kernel reads ahead: an answer costs microseconds and is
  // wrong only for a range of which the kernel has forgotten a part.
  bool InMemory(int descriptor, int64_t offset, int64_t length) const;

  // Waits until these bytes are in memory. The descriptor may be closed meanwhile.
  // Errors: DATA_LOSS when the file cannot be read or is shorter; CANCELLED; UNAVAILABLE at the
  // end.
  Awaitable<absl::Status> Fetch(int descriptor, int64_t offset, int64_t length);

  // Runs `work`, which may wait for a disk and returns an absl::Status or StatusOr, and returns its
  // result. `work` must own what it uses, because it goes on when the coroutine is cancelled.
  // Errors, besides its own: CANCELLED; UNAVAILABLE at the end.
  template <class Work>
  Awaitable<std::invoke_result_t<Work&>> Run(Work work) {
    using Result = std::invoke_result_t<Work&>;
    const auto waiting = std::make_shared<Waiting<Result>>();
    const auto start = [&](auto done) {
      waiting->done = std::move(done);
      const bool queued = pool_.Submit([waiting, work = std::move(work)]() mutable {
        if (!waiting->finished) waiting->Finish(work());
      });
      if (!queued) waiting->Finish(absl::UnavailableError("the gateway is shutting down"));
    };
    const auto cancel = [waiting] {
      waiting->Finish(absl::CancelledError("the request was cancelled"));
    };
    co_return co_await Suspend<Result>(start, cancel);
  }

 private:
  // A coroutine that waits for a thread, or for its cancellation.
  template <class Result>
  struct Waiting {
    void Finish(Result result) {
      if (!finished.exchange(true)) std::exchange(done, nullptr)(std::move(result));
    }

    std::function<void(Result)> done;
    std::atomic<bool> finished = false;
  };

  const FileReaderOptions options_;
  base::WorkerPool pool_;
};

}  // namespace registry::http

#endif  // REGISTRY_BASE_HTTP_FILE_READER_H_
