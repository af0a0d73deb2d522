// One Read call: a path, or chunks, each read when the reader asks for it.
//
// So a call holds no thread and no bytes of its own. See base/call.h.
#ifndef REGISTRY_DATAPLANE_READ_SESSION_H_
#define REGISTRY_DATAPLANE_READ_SESSION_H_

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "base/call.h"
#include "dataplane/blob_files.h"
#include "dataplane/file_executor.h"
#include "dataplane/incarnation.h"
#include "oci/digest.h"
#include "registry/v1/storage.pb.h"

namespace registry::dataplane {

class ReadSession final : public base::ResponseStream<v1::ReadResponse> {
 public:
  // `incarnation` and `digest`: those of `request`, which, like `call`, must outlive the session.
  ReadSession(const BlobFiles& blobs, FileExecutor& executor, const v1::ReadRequest& request,
              Incarnation incarnation, oci::Digest digest, const base::CallInfo* call)
      : blobs_(blobs),
        executor_(executor),
        request_(request),
        incarnation_(std::move(incarnation)),
        digest_(std::move(digest)),
        call_(call) {}

  void Next(v1::ReadResponse* response, OnNext done) override;

 private:
  // Jobs that fill in the first response, and a later one.
  absl::Status Open(v1::ReadResponse& response);
  absl::Status ReadChunk(v1::ReadResponse& response);

  const BlobFiles& blobs_;
  FileExecutor& executor_;
  const v1::ReadRequest& request_;
  const Incarnation incarnation_;
  const oci::Digest digest_;
  const base::CallInfo* const call_;

  // Set when the file was opened to read chunks.
  std::optional<BlobFile> blob_;
  int64_t offset_ = 0;
  // nullopt: the first response is to come.
  std::optional<int64_t> remaining_bytes_;
};

}  // namespace registry::dataplane

#endif  // REGISTRY_DATAPLANE_READ_SESSION_H_
