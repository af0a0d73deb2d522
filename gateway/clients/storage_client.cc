#include "gateway/clients/storage_client.h"

#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/machine.h"
#include "gateway/clients/health_check.h"
#include "gateway/clients/rpc.h"
#include "registry/v1/storage.grpc.pb.h"

namespace registry::gateway {
namespace {

// The node's root folder, if a path means the same file to the node and to this gateway.
base::UniqueFd OpenSharedRoot(const v1::Node& node) {
  const absl::StatusOr<base::FileNamespace> own = base::ReadFileNamespace();
  const base::FileNamespace its = {node.boot_id(), node.mount_namespace()};
  if (!own.ok() || *own != its) return {};
  return base::UniqueFd(::open(node.root().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

// Opens `path`. Whatever it contains, it cannot lead out of the folder `root`. With RESOLVE_CACHED
// it fails with EAGAIN instead of waiting for the disk.
base::UniqueFd OpenBeneath(int root, const std::string& path, uint64_t resolve = 0) {
  open_how how = {};
  how.flags = O_RDONLY | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | resolve;
  return base::UniqueFd(
      static_cast<int>(::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how)));
}

// The same for an event loop.
http::Awaitable<absl::StatusOr<base::UniqueFd>> OpenCachedBeneath(http::FileReader& files, int root,
                                                                  std::string path) {
  base::UniqueFd file = OpenBeneath(root, path, RESOLVE_CACHED);
  if (!file.ok() && (errno == EAGAIN || errno == EINVAL)) {
    // The root must stay open as long as the work, which may outlive the request.
    auto folder = std::make_shared<base::UniqueFd>(::fcntl(root, F_DUPFD_CLOEXEC, 0));
    auto open = [folder = std::move(folder),
                 path = std::move(path)]() -> absl::StatusOr<base::UniqueFd> {
      return OpenBeneath(folder->get(), path);
    };
    absl::StatusOr<base::UniqueFd> opened = co_await files.Run(std::move(open));
    if (!opened.ok()) co_return opened.status();
    file = *std::move(opened);
  }
  if (!file.ok()) co_return absl::NotFoundError("cannot open the storage node's file");
  co_return file;
}

class StreamWrite final : public StorageWrite {
 public:
  explicit StreamWrite(v1::StorageService::Stub& stub)
      : writer_([&stub](auto* context, auto* response, auto* reactor) {
          stub.async()->Write(context, response, reactor);
        }) {}

  http::Awaitable<bool> Send(v1::WriteRequest message) {
    co_return co_await writer_.Write(std::move(message));
  }

  http::Awaitable<bool> Write(std::string chunk) override {
    v1::WriteRequest message;
    message.set_chunk(std::move(chunk));
    co_return co_await writer_.Write(std::move(message));
  }

  http::Awaitable<absl::StatusOr<int64_t>> Finish() override {
    const absl::StatusOr<v1::WriteResponse> response = co_await writer_.Finish();
    if (!response.ok()) co_return response.status();
    co_return response->size_bytes();
  }

 private:
  ClientWriter<v1::WriteRequest, v1::WriteResponse> writer_;
};

class StreamRead final : public StorageRead {
 public:
  StreamRead(v1::StorageService::Stub& stub, v1::ReadRequest request)
      : request_(std::move(request)), reader_([&stub, this](auto* context, auto* reactor) {
          stub.async()->Read(context, &request_, reactor);
        }) {}

  // Waits for the first message, a path or a chunk.
  http::Awaitable<absl::Status> Begin(http::FileReader& files, int root) {
    first_ = co_await reader_.Read();
    if (!first_) {
      absl::Status status = co_await reader_.Finish();
      if (status.ok()) status = absl::DataLossError("the storage node sent no bytes");
      co_return status;
    }
    if (first_->message_case() != v1::ReadResponse::kPath) co_return absl::OkStatus();
    absl::StatusOr<base::UniqueFd> file = co_await OpenCachedBeneath(files, root, first_->path());
    if (!file.ok()) co_return file.status();
    file_ = *std::move(file);
    co_return absl::OkStatus();
  }

  http::Awaitable<absl::StatusOr<std::string>> Next() override {
    std::optional<v1::ReadResponse> message;
    if (first_) {
      message.swap(first_);
    } else {
      message = co_await reader_.Read();
    }
    if (message) co_return std::move(*message->mutable_chunk());
    const absl::Status status = co_await reader_.Finish();
    if (!status.ok()) co_return status;
    co_return std::string();
  }

 private:
  const v1::ReadRequest request_;
  std::optional<v1::ReadResponse> first_;
  ClientReader<v1::ReadResponse> reader_;
};

}  // namespace

struct StorageClient::Node {
  std::string id;
  std::unique_ptr<v1::StorageService::Stub> stub;
  std::unique_ptr<grpc::health::v1::Health::Stub> health;
  std::mutex mutex;
  // The node's root folder, if it shares this machine. Does not change once the node was asked.
  base::UniqueFd root;
  std::atomic<bool> asked = false;
};

StorageClient::StorageClient(
    const std::vector<std::pair<std::string, std::shared_ptr<grpc::Channel>>>& nodes,
    http::FileReader& files)
    : files_(files) {
  for (const auto& [id, channel] : nodes) {
    auto node = std::make_unique<Node>();
    node->id = id;
    node->stub = v1::StorageService::NewStub(channel);
    node->health = grpc::health::v1::Health::NewStub(channel);
    nodes_.push_back(std::move(node));
  }
}

StorageClient::~StorageClient() = default;

absl::StatusOr<StorageClient::Node*> StorageClient::Find(absl::string_view id) const {
  for (const auto& node : nodes_) {
    if (node->id == id) return node.get();
  }
  return absl::UnavailableError(absl::StrCat("the storage node ", id, " is not connected"));
}

http::Awaitable<int> StorageClient::SharedRoot(Node& node) {
  if (node.asked) co_return node.root.get();
  const v1::GetNodeRequest request;
  const auto start = [&](auto* context, auto* response, auto done) {
    node.stub->async()->GetNode(context, &request, response, std::move(done));
  };
  const absl::StatusOr<v1::Node> answer = co_await Call<v1::Node>(base::kRpcDeadline, start);
  if (!answer.ok()) co_return -1;
  auto open_root = [answer = *answer]() -> absl::StatusOr<base::UniqueFd> {
    return OpenSharedRoot(answer);
  };
  absl::StatusOr<base::UniqueFd> root = co_await files_.Run(std::move(open_root));
  if (!root.ok()) co_return -1;
  std::lock_guard lock(node.mutex);
  if (!node.asked) node.root = *std::move(root);
  node.asked = true;
  co_return node.root.get();
}

http::Awaitable<absl::StatusOr<std::unique_ptr<StorageWrite>>> StorageClient::Write(
    std::string node_id, v1::WriteHeader header) {
  const absl::StatusOr<Node*> node = Find(node_id);
  if (!node.ok()) co_return node.status();
  auto write = std::make_unique<StreamWrite>(*(*node)->stub);
  v1::WriteRequest message;
  *message.mutable_header() = std::move(header);
  if (!co_await write->Send(std::move(message))) {
    const absl::StatusOr<int64_t> result = co_await write->Finish();
    if (!result.ok()) co_return result.status();
    co_return absl::UnavailableError("the storage node ended the upload");
  }
  co_return write;
}

http::Awaitable<absl::StatusOr<v1::StatResponse>> StorageClient::Stat(std::string node_id,
                                                                      v1::StatRequest request) {
  const absl::StatusOr<Node*> node = Find(node_id);
  if (!node.ok()) co_return node.status();
  const auto start = [&](auto* context, auto* response, auto done) {
    (*node)->stub->async()->Stat(context, &request, response, std::move(done));
  };
  co_return co_await Call<v1::StatResponse>(base::kRpcDeadline, start);
}

http::Awaitable<absl::StatusOr<std::unique_ptr<StorageRead>>> StorageClient::Read(
    std::vector<std::string> node_ids, v1::ReadRequest request) {
  absl::Status last = absl::DataLossError("no storage node has a copy of this blob");
  for (const std::string& id : node_ids) {
    const absl::StatusOr<Node*> node = Find(id);
    if (!node.ok()) {
      last = node.status();
      continue;
    }
    const int root = co_await SharedRoot(**node);
    for (const bool accept_path : {true, false}) {
      if (accept_path && root < 0) continue;
      request.set_accept_path(accept_path);
      auto read = std::make_unique<StreamRead>(*(*node)->stub, request);
      last = co_await read->Begin(files_, root);
      if (last.ok()) co_return read;
    }
  }
  co_return last;
}

http::Awaitable<absl::Status> StorageClient::CheckHealth() {
  for (const auto& node : nodes_) {
    const absl::Status status = co_await gateway::CheckHealth(*node->health);
    if (!status.ok()) {
      co_return absl::Status(status.code(),
                             absl::StrCat("storage node ", node->id, ": ", status.message()));
    }
  }
  co_return absl::OkStatus();
}

}  // namespace registry::gateway
