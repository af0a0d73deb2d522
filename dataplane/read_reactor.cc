#include "dataplane/read_reactor.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/grpc_status.h"
#include "base/limits.h"
#include "dataplane/incarnation.h"
#include "oci/digest.h"

namespace registry::dataplane {

ReadReactor* ReadReactor::Start(const BlobFiles& blobs, FileExecutor& executor,
                                const v1::ReadRequest* request) {
  auto* reactor = new ReadReactor(blobs, executor, request);
  reactor->Submit(&ReadReactor::Open);
  return reactor;
}

void ReadReactor::Submit(absl::Status (ReadReactor::*job)()) {
  absl::Status queued = executor_.Submit([this, job] {
    absl::Status status =
        cancelled_ ? absl::CancelledError("the request was cancelled") : (this->*job)();
    // OK means that a write is in progress; *this may already be gone.
    if (!status.ok()) Finish(base::ToGrpcStatus(status));
  });
  if (!queued.ok()) Finish(base::ToGrpcStatus(queued));
}

void ReadReactor::OnWriteDone(bool ok) {
  if (!ok) return Finish(grpc::Status(grpc::StatusCode::CANCELLED, "the reader has gone away"));
  if (remaining_bytes_ == 0) return Finish(grpc::Status::OK);
  Submit(&ReadReactor::SendChunk);
}

absl::Status ReadReactor::Open() {
  absl::StatusOr<Incarnation> incarnation = Incarnation::Parse(request_->incarnation());
  if (!incarnation.ok()) return incarnation.status();
  absl::StatusOr<oci::Digest> digest = oci::Digest::Parse(request_->digest());
  if (!digest.ok()) return digest.status();
  absl::StatusOr<BlobFile> blob = blobs_.Open(*incarnation, *digest);
  if (!blob.ok()) return blob.status();
  if (request_->size_bytes() != 0 && blob->size_bytes() != request_->size_bytes()) {
    return absl::DataLossError(absl::StrCat(blob->path(), " is damaged: it has ",
                                            blob->size_bytes(), " bytes instead of ",
                                            request_->size_bytes()));
  }
  absl::Status in_range = blob->CheckRange(request_->offset(), request_->length_bytes());
  if (!in_range.ok()) return in_range;

  if (request_->accept_path()) {
    response_.set_path(blob->path());
    StartWrite(&response_);
    return absl::OkStatus();
  }
  blob_ = *std::move(blob);
  offset_ = request_->offset();
  remaining_bytes_ = request_->length_bytes();
  return SendChunk();
}

absl::Status ReadReactor::SendChunk() {
  const int64_t size = std::min<int64_t>(remaining_bytes_, base::kChunkBytes);
  std::string& chunk = *response_.mutable_chunk();
  chunk.resize(static_cast<size_t>(size));
  absl::Status status = blob_->Read(offset_, chunk.data(), chunk.size());
  if (!status.ok()) return status;
  offset_ += size;
  remaining_bytes_ -= size;
  // Never in one batch with the status: gRPC 1.51 in process sometimes delivers the status and
  // loses the message. OnWriteDone finishes once the reader has it.
  StartWrite(&response_);
  return absl::OkStatus();
}

}  // namespace registry::dataplane
