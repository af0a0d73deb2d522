#include "controlplane/storage/node_client.h"

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
class NodeClient::CheckCall : public std::enable_shared_from_this<CheckCall> {
 public:
  CheckCall(const NodeRegistry& nodes, std::chrono::milliseconds deadline,
            const StoredCopies& copies, const oci::Digest& digest,
            std::function<void(absl::StatusOr<bool>)> done)
      : nodes_(nodes),
        deadline_(deadline),
        waiting_(copies.nodes),
        size_bytes_(copies.size_bytes),
        done_(std::move(done)) {
    request_.set_incarnation(copies.incarnation);
    request_.set_digest(digest.ToString());
  }

  void AskNext() {
    while (!waiting_.empty()) {
      node_ = std::move(waiting_.back());
      waiting_.pop_back();
      v1::StorageService::Stub* stub = nodes_.Find(node_);
      if (stub == nullptr) {
        unknown_ = NotConnected(node_);
        continue;
      }
      call_.emplace();
      call_->context()->set_deadline(std::chrono::system_clock::now() + deadline_);
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

  const NodeRegistry& nodes_;
  const std::chrono::milliseconds deadline_;
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

struct NodeClient::FinishCall {
  base::ClientCall call;
  v1::FinishRequest request;
  v1::FinishResponse response;
};

void NodeClient::Check(const StoredCopies& copies, const oci::Digest& digest,
                       std::function<void(absl::StatusOr<bool> intact)> done) const {
  std::make_shared<CheckCall>(nodes_, deadline_, copies, digest, std::move(done))->AskNext();
}

std::function<void()> NodeClient::Finish(
    const std::string& node, const std::string& incarnation, const oci::Digest& digest,
    std::function<void(absl::StatusOr<int64_t> size_bytes)> done) const {
  v1::StorageService::Stub* stub = nodes_.Find(node);
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

absl::StatusOr<v1::ListResponse> NodeClient::ListUnfinished(const std::string& node,
                                                            const std::string& cursor) const {
  v1::StorageService::Stub* stub = nodes_.Find(node);
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

absl::Status NodeClient::Delete(const TrashItem& item) const {
  v1::StorageService::Stub* stub = nodes_.Find(item.node);
  if (stub == nullptr) return NotConnected(item.node);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + deadline_);
  v1::DeleteRequest request;
  request.set_incarnation(item.incarnation);
  request.set_digest(item.digest);
  v1::DeleteResponse response;
  return base::FromGrpcStatus(stub->Delete(&context, request, &response));
}

}  // namespace registry::controlplane
