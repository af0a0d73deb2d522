#include "dataplane/write_session.h"

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "oci/digest.h"

namespace registry::dataplane {
namespace {

constexpr size_t kMaxChunkBytes = 1024 * 1024;  // As storage.proto says.

}  // namespace

void WriteSession::Take(Ready ready) {
  ready_ = std::move(ready);
  const bool first = !incarnation_.has_value();
  const absl::Status status = first ? ParseHeader() : CheckChunk();
  if (!status.ok()) return Fail(status);
  Submit(first ? &WriteSession::Begin : &WriteSession::Append);
}

void WriteSession::End() {
  if (!incarnation_.has_value()) {
    return Fail(absl::InvalidArgumentError("a write must begin with a header"));
  }
  // The stream has ended or the client has gone away: keep the bytes in either case.
  Submit(&WriteSession::Close);
}

absl::Status WriteSession::ParseHeader() {
  if (!request_.has_header()) {
    return absl::InvalidArgumentError("a write must begin with a header");
  }
  absl::StatusOr<oci::DigestAlgorithm> algorithm =
      oci::ParseDigestAlgorithm(request_.header().digest_algorithm());
  if (!algorithm.ok()) return algorithm.status();
  algorithm_ = *algorithm;
  absl::StatusOr<Incarnation> incarnation = Incarnation::Parse(request_.header().incarnation());
  if (!incarnation.ok()) return incarnation.status();
  incarnation_ = *std::move(incarnation);
  return absl::OkStatus();
}

absl::Status WriteSession::CheckChunk() const {
  if (request_.message_case() != v1::WriteRequest::kChunk) {
    return absl::InvalidArgumentError("all messages of a write after the first must be chunks");
  }
  if (request_.chunk().size() > kMaxChunkBytes) {
    return absl::InvalidArgumentError(absl::StrCat("a chunk has ", request_.chunk().size(),
                                                   " bytes; at most ", kMaxChunkBytes,
                                                   " are allowed"));
  }
  return absl::OkStatus();
}

void WriteSession::Submit(void (WriteSession::*job)()) {
  absl::Status status = executor_.Submit(*incarnation_, FileExecutor::kShort,
                                         [self = shared_from_this(), job] { (*self.*job)(); });
  if (!status.ok()) Fail(status);
}

void WriteSession::Begin() {
  // Weak: a writer must not keep the session that owns it alive.
  auto on_cut = [weak = weak_from_this()](const absl::Status& reason) {
    if (const std::shared_ptr<WriteSession> self = weak.lock()) self->Fail(reason);
  };
  absl::StatusOr<std::shared_ptr<UploadWriter>> writer =
      uploads_.BeginWrite(*incarnation_, request_.header().offset(), algorithm_, std::move(on_cut));
  if (!writer.ok()) return Fail(writer.status());
  writer_ = *std::move(writer);
  TellReady();
}

void WriteSession::Append() {
  absl::Status status = uploads_.Append(*writer_, request_.chunk());
  if (!status.ok()) return Fail(status);
  TellReady();
}

void WriteSession::Close() {
  absl::StatusOr<int64_t> size = uploads_.EndWrite(*writer_);
  if (!size.ok()) return Fail(size.status());
  Succeed(*size);
}

void WriteSession::TellReady() {
  std::lock_guard lock(mutex_);
  if (!ended_) ready_();
}

void WriteSession::Fail(const absl::Status& status) {
  std::lock_guard lock(mutex_);
  if (!std::exchange(ended_, true)) done_(status);
}

void WriteSession::Succeed(int64_t size_bytes) {
  std::lock_guard lock(mutex_);
  if (std::exchange(ended_, true)) return;
  response_->set_size_bytes(size_bytes);
  done_(absl::OkStatus());
}

}  // namespace registry::dataplane
