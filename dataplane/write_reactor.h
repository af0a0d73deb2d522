// One Write call: reads a header, then chunks, and writes each chunk before reading the next.
//
// So a stream holds one message and no thread, and gRPC's flow control slows a client that is
// faster than the disk. All file work runs on the FileExecutor in the order of the incarnation's
// requests: when a newer Write starts, this one's current chunk is finished.
//
// Keeps itself alive until gRPC calls OnDone; queued jobs may hold it longer.
#ifndef REGISTRY_DATAPLANE_WRITE_REACTOR_H_
#define REGISTRY_DATAPLANE_WRITE_REACTOR_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <mutex>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "dataplane/file_executor.h"
#include "dataplane/incarnation.h"
#include "dataplane/upload_files.h"
#include "registry/v1/storage.pb.h"

namespace registry::dataplane {

class WriteReactor : public grpc::ServerReadReactor<v1::WriteRequest>,
                     public std::enable_shared_from_this<WriteReactor> {
 public:
  static WriteReactor* Start(UploadFiles& uploads, FileExecutor& executor,
                             v1::WriteResponse* response);

  void OnReadDone(bool ok) override;
  void OnDone() override;

 private:
  WriteReactor(UploadFiles& uploads, FileExecutor& executor, v1::WriteResponse* response)
      : uploads_(uploads), executor_(executor), response_(response) {}

  // Parses the first message.
  absl::Status ParseHeader();
  // Checks a later message.
  absl::Status CheckChunk() const;
  // Queues one of the jobs below; finishes the call if the queue is full.
  void Submit(void (WriteReactor::*job)());

  // Jobs.
  void Begin();
  void Append();
  void End();

  // Do nothing if the call is finished. A newer request may finish it at any time.
  void ReadNext();
  void FinishCall(const absl::Status& status);
  void Succeed(int64_t size_bytes);

  UploadFiles& uploads_;
  FileExecutor& executor_;

  // Used by callbacks and jobs; only one of them runs at a time.
  v1::WriteRequest request_;
  std::optional<Incarnation> incarnation_;
  oci::DigestAlgorithm algorithm_ = oci::DigestAlgorithm::kSha256;
  std::shared_ptr<UploadWriter> writer_;

  std::mutex mutex_;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  // Owned by gRPC; gone once the call is finished.
  v1::WriteResponse* const response_ ABSL_PT_GUARDED_BY(mutex_);

  std::shared_ptr<WriteReactor> self_;
};

}  // namespace registry::dataplane

#endif  // REGISTRY_DATAPLANE_WRITE_REACTOR_H_
