// One Write call: takes a header, then chunks, and writes each chunk before it is ready for the
// next.
//
// So a call holds one request and no thread. All file work runs on the FileExecutor in the order of
// the incarnation's requests: when a newer Write starts, this one's current chunk is finished. See
// base/call.h. Queued jobs may keep the session alive longer than its call.
#ifndef REGISTRY_DATAPLANE_WRITE_SESSION_H_
#define REGISTRY_DATAPLANE_WRITE_SESSION_H_

#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "base/call.h"
#include "dataplane/file_executor.h"
#include "dataplane/incarnation.h"
#include "dataplane/upload_files.h"
#include "registry/v1/storage.pb.h"

namespace registry::dataplane {

class WriteSession final : public base::RequestStream<v1::WriteRequest>,
                           public std::enable_shared_from_this<WriteSession> {
 public:
  // `response` must stay valid until `done`.
  WriteSession(UploadFiles& uploads, FileExecutor& executor, v1::WriteResponse* response,
               base::Done done)
      : uploads_(uploads), executor_(executor), response_(response), done_(std::move(done)) {}

  v1::WriteRequest* buffer() override { return &request_; }
  void Take(Ready ready) override;
  void End() override;

 private:
  // Parses the first message.
  absl::Status ParseHeader();
  // Checks a later message.
  absl::Status CheckChunk() const;
  // Queues one of the jobs below; ends the call if the queue is full.
  void Submit(void (WriteSession::*job)());

  // Jobs.
  void Begin();
  void Append();
  void Close();

  // Do nothing if the call has ended. A newer request may end it at any time.
  void TellReady();
  void Fail(const absl::Status& status);
  void Succeed(int64_t size_bytes);

  UploadFiles& uploads_;
  FileExecutor& executor_;

  // Used by the caller and by jobs; only one of them at a time.
  v1::WriteRequest request_;
  Ready ready_;
  std::optional<Incarnation> incarnation_;
  oci::DigestAlgorithm algorithm_ = oci::DigestAlgorithm::kSha256;
  std::shared_ptr<UploadWriter> writer_;

  std::mutex mutex_;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  // Gone once the call has ended.
  v1::WriteResponse* const response_ ABSL_PT_GUARDED_BY(mutex_);
  const base::Done done_;
};

}  // namespace registry::dataplane

#endif  // REGISTRY_DATAPLANE_WRITE_SESSION_H_
