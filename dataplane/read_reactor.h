// One Read call: sends a path, or chunks one at a time, reading the next after the previous is
// sent.
//
// So a stream holds one chunk and no thread. At any time, either a job or a write runs; when it
// ends, the reactor starts the next step, or stops if the call is cancelled. Deletes itself when
// gRPC calls OnDone.
#ifndef REGISTRY_DATAPLANE_READ_REACTOR_H_
#define REGISTRY_DATAPLANE_READ_REACTOR_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "dataplane/blob_files.h"
#include "dataplane/file_executor.h"
#include "registry/v1/storage.pb.h"

namespace registry::dataplane {

class ReadReactor : public grpc::ServerWriteReactor<v1::ReadResponse> {
 public:
  // gRPC keeps `request` alive until OnDone.
  static ReadReactor* Start(const BlobFiles& blobs, FileExecutor& executor,
                            const v1::ReadRequest* request);

  void OnWriteDone(bool ok) override;
  void OnCancel() override { cancelled_ = true; }
  void OnDone() override { delete this; }

 private:
  ReadReactor(const BlobFiles& blobs, FileExecutor& executor, const v1::ReadRequest* request)
      : blobs_(blobs), executor_(executor), request_(request) {}
  ~ReadReactor() override = default;

  // Queues a job. An error of the job, or a full queue, ends the call.
  void Submit(absl::Status (ReadReactor::*job)());

  // Jobs.
  absl::Status Open();
  absl::Status SendChunk();

  const BlobFiles& blobs_;
  FileExecutor& executor_;
  const v1::ReadRequest* const request_;
  std::atomic<bool> cancelled_ = false;

  std::optional<BlobFile> blob_;
  int64_t offset_ = 0;
  int64_t remaining_bytes_ = 0;
  v1::ReadResponse response_;
};

}  // namespace registry::dataplane

#endif  // REGISTRY_DATAPLANE_READ_REACTOR_H_
