// The gateway's client of the storage nodes.
//
// Thread-safe; a StorageWrite or StorageRead belongs to one coroutine. Errors are those documented
// in storage.proto.
#ifndef REGISTRY_GATEWAY_STORAGE_NODES_H_
#define REGISTRY_GATEWAY_STORAGE_NODES_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/unique_fd.h"
#include "gateway/http/awaitable.h"
#include "gateway/http/file_reader.h"
#include "registry/v1/storage.pb.h"

namespace grpc {
class Channel;
}

namespace registry::gateway {

// Bytes on their way to a node. Destroying it unfinished leaves what has arrived.
class StorageWrite {
 public:
  virtual ~StorageWrite() = default;
  // Returns when the node has taken the chunk. False: the node ended the call, Finish tells why.
  virtual Awaitable<bool> Write(std::string chunk) = 0;
  // Bytes stored after the call.
  virtual Awaitable<absl::StatusOr<int64_t>> Finish() = 0;
};

// Bytes on their way from a node.
class StorageRead {
 public:
  virtual ~StorageRead() = default;
  // The open file, when the node shares this machine: nothing else follows. -1 otherwise.
  int descriptor() const { return file_.get(); }
  // The next bytes; empty at the end.
  virtual Awaitable<absl::StatusOr<std::string>> Next() = 0;

 protected:
  base::UniqueFd file_;
};

class StorageNodes {
 public:
  // `nodes`: each one's id, as the control plane knows it, and its channel. `files` opens files and
  // must outlive this object.
  StorageNodes(const std::vector<std::pair<std::string, std::shared_ptr<grpc::Channel>>>& nodes,
               FileReader& files);
  ~StorageNodes();

  // All of these: NOT_FOUND / UNAVAILABLE when there is no such node or it cannot be reached.

  Awaitable<absl::StatusOr<std::unique_ptr<StorageWrite>>> Write(std::string node,
                                                                 v1::WriteHeader header);
  Awaitable<absl::StatusOr<v1::StatResponse>> Stat(std::string node, v1::StatRequest request);

  // Opens a read of a blob that lies on `nodes`: an open file where possible, else chunks.
  Awaitable<absl::StatusOr<std::unique_ptr<StorageRead>>> Read(std::vector<std::string> nodes,
                                                               v1::ReadRequest request);

  // OK when every node says that it serves.
  Awaitable<absl::Status> CheckHealth();

 private:
  struct Node;

  absl::StatusOr<Node*> Find(absl::string_view id) const;
  // Learns whether the node shares this machine; asked once.
  Awaitable<bool> SharesFiles(Node& node);

  FileReader& files_;
  std::vector<std::unique_ptr<Node>> nodes_;
};

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_STORAGE_NODES_H_
