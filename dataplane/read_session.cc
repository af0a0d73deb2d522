#include "dataplane/read_session.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"

namespace registry::dataplane {

void ReadSession::Next(v1::ReadResponse* response, OnNext done) {
  if (remaining_bytes_ == 0) return done(false);
  const absl::Status queued = executor_.Submit([this, response, done] {
    if (call_->cancellation.requested())
      return done(absl::CancelledError("the request was cancelled"));
    const absl::Status status =
        remaining_bytes_.has_value() ? ReadChunk(*response) : Open(*response);
    if (!status.ok()) return done(status);
    done(true);
  });
  if (!queued.ok()) done(queued);
}

absl::Status ReadSession::Open(v1::ReadResponse& response) {
  absl::StatusOr<BlobFile> blob = blobs_.Open(incarnation_, digest_);
  if (!blob.ok()) return blob.status();
  if (request_.size_bytes() != 0 && blob->size_bytes() != request_.size_bytes()) {
    return absl::DataLossError(absl::StrCat(blob->path(), " is damaged: it has ",
                                            blob->size_bytes(), " bytes instead of ",
                                            request_.size_bytes()));
  }
  absl::Status in_range = blob->CheckRange(request_.offset(), request_.length_bytes());
  if (!in_range.ok()) return in_range;

  if (request_.accept_path()) {
    response.set_path(blob->path());
    remaining_bytes_ = 0;
    return absl::OkStatus();
  }
  blob_ = *std::move(blob);
  offset_ = request_.offset();
  remaining_bytes_ = request_.length_bytes();
  return ReadChunk(response);
}

absl::Status ReadSession::ReadChunk(v1::ReadResponse& response) {
  const int64_t size = std::min<int64_t>(*remaining_bytes_, base::kChunkBytes);
  std::string& chunk = *response.mutable_chunk();
  chunk.resize(static_cast<size_t>(size));
  absl::Status status = blob_->Read(offset_, chunk.data(), chunk.size());
  if (!status.ok()) return status;
  offset_ += size;
  *remaining_bytes_ -= size;
  return absl::OkStatus();
}

}  // namespace registry::dataplane
