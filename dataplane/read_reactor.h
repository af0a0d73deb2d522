// One Read call: a path, or chunks, of which the next is read when the previous one is on its way.
//
// So a stream holds one chunk and no thread. One thing is under way at a time, a job or a write,
// and what follows it is decided when it ends; a cancelled call stops there. Deletes itself when
// gRPC is done with it.
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
  // gRPC keeps `request` until the call is done.
  static ReadReactor* Start(const BlobFiles& blobs, FileExecutor& executor,
                            const v1::ReadRequest* request);

  void OnWriteDone(bool ok) override;
  void OnCancel() override { cancelled_ = true; }
  void OnDone() override { delete this; }

 private:
  ReadReactor(const BlobFiles& blobs, FileExecutor& executor, const v1::ReadRequest* request)
      : blobs_(blobs), executor_(executor), request_(request) {}
  ~ReadReactor() override = default;

  // Queues a job, whose error ends the call; so does being unable to.
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
