// One Write call: header, then chunks, each written before the next one is asked for.
//
// So a stream holds one message and no thread, and a client that is faster than the disk is slowed
// down by gRPC's flow control. All file work runs on the FileExecutor in the order of the
// incarnation's requests: when a newer Write starts, the chunk in progress of this one has ended.
//
// Owns itself until gRPC is done with it; jobs that are still queued then own it a little longer.
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

  // Takes the first message in.
  absl::Status ParseHeader();
  // Checks a later one.
  absl::Status CheckChunk() const;
  // Queues one of the jobs below; finishes the call when that is impossible.
  void Submit(void (WriteReactor::*job)());

  // Jobs.
  void Begin();
  void Append();
  void End();

  // Unless the call is finished: asks for the next message, or finishes it. A newer request may
  // finish it at any moment.
  void ReadNext();
  void FinishCall(const absl::Status& status);
  void Succeed(int64_t size_bytes);

  UploadFiles& uploads_;
  FileExecutor& executor_;

  // Used by reactions and jobs, of which only one is under way at a time.
  v1::WriteRequest request_;
  std::optional<Incarnation> incarnation_;
  oci::DigestAlgorithm algorithm_ = oci::DigestAlgorithm::kSha256;
  std::shared_ptr<UploadWriter> writer_;

  std::mutex mutex_;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  // gRPC's; gone when the call is finished.
  v1::WriteResponse* const response_ ABSL_PT_GUARDED_BY(mutex_);

  std::shared_ptr<WriteReactor> self_;
};

}  // namespace registry::dataplane

#endif  // REGISTRY_DATAPLANE_WRITE_REACTOR_H_
