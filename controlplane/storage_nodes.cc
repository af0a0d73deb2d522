#include "controlplane/storage_nodes.h"

#include <grpcpp/support/client_callback.h>

#include <optional>

#include "absl/strings/str_cat.h"
#include "base/grpc_status.h"

namespace registry::controlplane {

// Lives until its last call has been answered.
class StorageNodes::Examination : public std::enable_shared_from_this<Examination> {
 public:
  Examination(const StorageNodes& nodes, const LiveCopy& copy, const oci::Digest& digest,
              int64_t size_bytes, std::function<void(bool)> done)
      : nodes_(nodes), waiting_(copy.nodes), size_bytes_(size_bytes), done_(std::move(done)) {
    request_.set_incarnation(copy.incarnation);
    request_.set_digest(digest.ToString());
  }

  void AskNext() {
    while (!waiting_.empty()) {
      v1::StorageService::Stub* stub = nodes_.FindStub(waiting_.back());
      waiting_.pop_back();
      if (stub == nullptr) continue;
      context_.emplace();
      context_->set_deadline(std::chrono::system_clock::now() + nodes_.deadline_);
      stub->async()->Stat(
          &*context_, &request_, &response_,
          [self = shared_from_this()](const grpc::Status& status) { self->OnAnswer(status); });
      return;
    }
    done_(false);
  }

 private:
  void OnAnswer(const grpc::Status& status) {
    if (status.ok() && response_.finished() && response_.size_bytes() == size_bytes_) {
      done_(true);
    } else {
      AskNext();
    }
  }

  const StorageNodes& nodes_;
  std::vector<std::string> waiting_;
  const int64_t size_bytes_;
  const std::function<void(bool)> done_;
  v1::StatRequest request_;
  v1::StatResponse response_;
  // Of one call; never used for two.
  std::optional<grpc::ClientContext> context_;
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

void StorageNodes::Examine(const LiveCopy& copy, const oci::Digest& digest, int64_t size_bytes,
                           std::function<void(bool intact)> done) {
  std::make_shared<Examination>(*this, copy, digest, size_bytes, std::move(done))->AskNext();
}

absl::Status StorageNodes::Delete(const TrashItem& item) {
  v1::StorageService::Stub* stub = FindStub(item.node);
  if (stub == nullptr) {
    return absl::UnavailableError(absl::StrCat("storage node ", item.node, " is not connected"));
  }
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
