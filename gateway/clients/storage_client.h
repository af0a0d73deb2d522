// The gateway's client for the storage nodes.
//
// Thread-safe; a StorageWrite or StorageRead belongs to one coroutine. Errors are those documented
// in storage.proto.
#ifndef REGISTRY_GATEWAY_CLIENTS_STORAGE_CLIENT_H_
#define REGISTRY_GATEWAY_CLIENTS_STORAGE_CLIENT_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/http/awaitable.h"
#include "base/http/file_reader.h"
#include "base/unique_fd.h"
#include "registry/v1/storage.pb.h"

namespace grpc {
class Channel;
}

namespace registry::gateway {

// A write to a node. Destroying it unfinished keeps the bytes that have arrived.
class StorageWrite {
 public:
  virtual ~StorageWrite() = default;
  // Returns when the node has taken the chunk. Returns false if the node ended the call; Finish
  // then returns the reason.
  virtual http::Awaitable<bool> Write(std::string chunk) = 0;
  // Bytes stored after the call.
  virtual http::Awaitable<absl::StatusOr<int64_t>> Finish() = 0;
};

// A read from a node.
class StorageRead {
 public:
  virtual ~StorageRead() = default;
  // The open file if the node shares this machine; then Next is not used. -1 otherwise.
  int descriptor() const { return file_.get(); }
  // The next bytes; empty at the end.
  virtual http::Awaitable<absl::StatusOr<std::string>> Next() = 0;

 protected:
  base::UniqueFd file_;
};

class StorageClient {
 public:
  // `nodes`: the ids by which the control plane knows the nodes, and their channels. `files` opens
  // files and must outlive this object.
  StorageClient(const std::vector<std::pair<std::string, std::shared_ptr<grpc::Channel>>>& nodes,
                http::FileReader& files);
  ~StorageClient();

  // Errors of all: NOT_FOUND / UNAVAILABLE if there is no such node or it cannot be reached.

  http::Awaitable<absl::StatusOr<std::unique_ptr<StorageWrite>>> Write(std::string node,
                                                                       v1::WriteHeader header);
  http::Awaitable<absl::StatusOr<v1::StatResponse>> Stat(std::string node, v1::StatRequest request);

  // Opens a read of a blob that `nodes` store: as an open file if possible, otherwise as chunks.
  http::Awaitable<absl::StatusOr<std::unique_ptr<StorageRead>>> Read(std::vector<std::string> nodes,
                                                                     v1::ReadRequest request);

  // OK if every node reports that it serves.
  http::Awaitable<absl::Status> CheckHealth();

 private:
  struct Node;

  absl::StatusOr<Node*> Find(absl::string_view id) const;
  // Returns the node's root folder if it shares this machine; -1 otherwise. Asks the node once.
  http::Awaitable<int> SharedRoot(Node& node);

  http::FileReader& files_;
  std::vector<std::unique_ptr<Node>> nodes_;
};

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_CLIENTS_STORAGE_CLIENT_H_
