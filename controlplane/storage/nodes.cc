#include "controlplane/storage/nodes.h"

#include <grpcpp/support/client_callback.h>

#include <optional>

#include "absl/strings/str_cat.h"
#include "base/client_call.h"
#include "base/grpc_status.h"

namespace registry::controlplane {
namespace {

absl::Status NotConnected(const std::string& node) {
  return absl::UnavailableError(absl::StrCat("storage node ", node, " is not connected"));
}

}  // namespace

// Keeps itself alive until its last call is answered.
class StorageNodes::CheckCall : public std::enable_shared_from_this<CheckCall> {
 public:
  CheckCall(const StorageNodes& nodes, const Blob& blob, const oci::Digest& digest,
            std::function<void(absl::StatusOr<bool>)> done)
      : nodes_(nodes), waiting_(blob.nodes), size_bytes_(blob.size_bytes), done_(std::move(done)) {
    request_.set_incarnation(blob.incarnation);
    request_.set_digest(digest.ToString());
  }

  void AskNext() {
    while (!waiting_.empty()) {
      node_ = std::move(waiting_.back());
      waiting_.pop_back();
      v1::StorageService::Stub* stub = nodes_.FindStub(node_);
      if (stub == nullptr) {
        unknown_ = NotConnected(node_);
        continue;
      }
      call_.emplace();
      call_->context()->set_deadline(std::chrono::system_clock::now() + nodes_.deadline_);
      stub->async()->Stat(
          call_->context(), &request_, &response_,
          [self = shared_from_this()](const grpc::Status& status) { self->OnAnswer(status); });
      return;
    }
    if (unknown_.ok()) return done_(false);
    done_(unknown_);
  }

 private:
  void OnAnswer(const grpc::Status& status) {
    call_->Release();
    if (status.ok() && response_.finished() && response_.size_bytes() == size_bytes_) {
      return done_(true);
    }
    if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
      unknown_ = absl::UnavailableError(absl::StrCat("storage node ", node_, " does not answer"));
    } else if (!status.ok() && status.error_code() != grpc::StatusCode::NOT_FOUND) {
      unknown_ = base::FromGrpcStatus(status);
    }
    AskNext();
  }

  const StorageNodes& nodes_;
  std::vector<std::string> waiting_;
  // The one that is being asked.
  std::string node_;
  const int64_t size_bytes_;
  const std::function<void(absl::StatusOr<bool>)> done_;
  v1::StatRequest request_;
  v1::StatResponse response_;
  // The error of a node that could not tell.
  absl::Status unknown_;
  // For one call; gRPC does not allow reuse.
  std::optional<base::ClientCall> call_;
};

struct StorageNodes::FinishCall {
  base::ClientCall call;
  v1::FinishRequest request;
  v1::FinishResponse response;
};

StorageNodes::StorageNodes(const std::vector<StorageNodeConnection>& connections,
                           std::chrono::milliseconds deadline)
    : deadline_(deadline) {
  for (const StorageNodeConnection& connection : connections) {
    stubs_[connection.id] = v1::StorageService::NewStub(connection.channel);
  }
}

std::vector<std::string> StorageNodes::ids() const {
  std::vector<std::string> ids;
  for (const auto& [id, stub] : stubs_) ids.push_back(id);
  return ids;
}

std::vector<std::string> StorageNodes::ChooseForUpload() {
  if (stubs_.empty()) return {};
  return {std::next(stubs_.begin(), turn_.fetch_add(1) % stubs_.size())->first};
}

void StorageNodes::Check(const Blob& blob, const oci::Digest& digest,
                         std::function<void(absl::StatusOr<bool> intact)> done) {
  std::make_shared<CheckCall>(*this, blob, digest, std::move(done))->AskNext();
}

std::function<void()> StorageNodes::Finish(
    const std::string& node, const std::string& incarnation, const oci::Digest& digest,
    std::function<void(absl::StatusOr<int64_t> size_bytes)> done) {
  v1::StorageService::Stub* stub = FindStub(node);
  if (stub == nullptr) {
    done(NotConnected(node));
    return [] {};
  }
  const auto finish = std::make_shared<FinishCall>();
  grpc::ClientContext* context = finish->call.context();
  context->set_deadline(std::chrono::system_clock::now() + base::kFinishDeadline);
  finish->request.set_incarnation(incarnation);
  finish->request.set_digest(digest.ToString());
  stub->async()->Finish(context, &finish->request, &finish->response,
                        [finish, done = std::move(done)](const grpc::Status& status) {
                          finish->call.Release();
                          if (status.ok()) return done(finish->response.size_bytes());
                          done(base::FromGrpcStatus(status));
                        });
  return [finish] { finish->call.Cancel(); };
}

absl::StatusOr<v1::ListResponse> StorageNodes::ListUnfinished(const std::string& node,
                                                              const std::string& cursor) {
  v1::StorageService::Stub* stub = FindStub(node);
  if (stub == nullptr) return NotConnected(node);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + deadline_);
  v1::ListRequest request;
  request.set_state(v1::INCARNATION_STATE_UNFINISHED);
  request.set_cursor(cursor);
  v1::ListResponse response;
  const absl::Status status = base::FromGrpcStatus(stub->List(&context, request, &response));
  if (!status.ok()) return status;
  return response;
}

absl::Status StorageNodes::Delete(const TrashItem& item) {
  v1::StorageService::Stub* stub = FindStub(item.node);
  if (stub == nullptr) return NotConnected(item.node);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + deadline_);
  v1::DeleteRequest request;
  request.set_incarnation(item.incarnation);
  request.set_digest(item.digest);
  v1::DeleteResponse response;
  return base::FromGrpcStatus(stub->Delete(&context, request, &response));
}

v1::StorageService::Stub* StorageNodes::FindStub(const std::string& id) const {
  const auto found = stubs_.find(id);
  return found == stubs_.end() ? nullptr : found->second.get();
}

}  // namespace registry::controlplane
