#include "dataplane/write_reactor.h"

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/grpc_status.h"
#include "oci/digest.h"

namespace registry::dataplane {
namespace {

constexpr size_t kMaxChunkBytes = 1024 * 1024;  // As storage.proto says.

}  // namespace

WriteReactor* WriteReactor::Start(UploadFiles& uploads, FileExecutor& executor,
                                  v1::WriteResponse* response) {
  std::shared_ptr<WriteReactor> reactor(new WriteReactor(uploads, executor, response));
  reactor->self_ = reactor;
  reactor->ReadNext();
  return reactor.get();
}

void WriteReactor::OnReadDone(bool ok) {
  if (!incarnation_.has_value()) {
    absl::Status status =
        ok ? ParseHeader() : absl::InvalidArgumentError("a write must begin with a header");
    if (!status.ok()) return FinishCall(status);
    return Submit(&WriteReactor::Begin);
  }
  // The stream has ended or the client has gone away: keep the bytes in either case.
  if (!ok) return Submit(&WriteReactor::End);
  absl::Status status = CheckChunk();
  if (!status.ok()) return FinishCall(status);
  Submit(&WriteReactor::Append);
}

void WriteReactor::OnDone() {
  // This may be the last owner, and the object must live until the end of this function.
  const std::shared_ptr<WriteReactor> last = std::move(self_);
}

absl::Status WriteReactor::ParseHeader() {
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

absl::Status WriteReactor::CheckChunk() const {
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

void WriteReactor::Submit(void (WriteReactor::*job)()) {
  absl::Status status = executor_.Submit(*incarnation_, FileExecutor::kShort,
                                         [self = shared_from_this(), job] { (*self.*job)(); });
  if (!status.ok()) FinishCall(status);
}

void WriteReactor::Begin() {
  // Weak: a writer must not keep the finished call that owns it alive.
  auto on_cut = [weak = weak_from_this()](const absl::Status& reason) {
    if (const std::shared_ptr<WriteReactor> self = weak.lock()) self->FinishCall(reason);
  };
  absl::StatusOr<std::shared_ptr<UploadWriter>> writer =
      uploads_.BeginWrite(*incarnation_, request_.header().offset(), algorithm_, std::move(on_cut));
  if (!writer.ok()) return FinishCall(writer.status());
  writer_ = *std::move(writer);
  ReadNext();
}

void WriteReactor::Append() {
  absl::Status status = uploads_.Append(*writer_, request_.chunk());
  if (!status.ok()) return FinishCall(status);
  ReadNext();
}

void WriteReactor::End() {
  absl::StatusOr<int64_t> size = uploads_.EndWrite(*writer_);
  if (!size.ok()) return FinishCall(size.status());
  Succeed(*size);
}

void WriteReactor::ReadNext() {
  std::lock_guard lock(mutex_);
  if (!finished_) StartRead(&request_);
}

void WriteReactor::FinishCall(const absl::Status& status) {
  std::lock_guard lock(mutex_);
  if (!std::exchange(finished_, true)) Finish(base::ToGrpcStatus(status));
}

void WriteReactor::Succeed(int64_t size_bytes) {
  std::lock_guard lock(mutex_);
  if (std::exchange(finished_, true)) return;
  response_->set_size_bytes(size_bytes);
  Finish(grpc::Status::OK);
}

}  // namespace registry::dataplane
