// A storage node behind an in-process channel, as in `serve`, and short forms of its calls.
#ifndef REGISTRY_TESTS_UNIT_DATAPLANE_NODE_FIXTURE_H_
#define REGISTRY_TESTS_UNIT_DATAPLANE_NODE_FIXTURE_H_

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/grpc_status.h"
#include "base/hash.h"
#include "dataplane/storage_node.h"
#include "registry/v1/storage.grpc.pb.h"
#include "temp_folder.h"

namespace registry::dataplane {

// An open Write call. The destructor ends it.
class WriteCall {
 public:
  explicit WriteCall(v1::StorageService::Stub& stub) : writer_(stub.Write(&context_, &response_)) {}
  ~WriteCall() {
    if (!ended_) {
      context_.TryCancel();
      writer_->Finish();
    }
  }

  bool Header(const std::string& incarnation, int64_t offset,
              const std::string& algorithm = "sha256") {
    v1::WriteRequest request;
    request.mutable_header()->set_incarnation(incarnation);
    request.mutable_header()->set_offset(offset);
    request.mutable_header()->set_digest_algorithm(algorithm);
    return writer_->Write(request);
  }
  bool Chunk(absl::string_view bytes) {
    v1::WriteRequest request;
    request.set_chunk(std::string(bytes));
    return writer_->Write(request);
  }
  void Cancel() { context_.TryCancel(); }
  // Waits for the answer without ending the stream.
  absl::Status Status() {
    ended_ = true;
    return base::FromGrpcStatus(writer_->Finish());
  }
  absl::StatusOr<int64_t> End() {
    writer_->WritesDone();
    absl::Status status = Status();
    if (!status.ok()) return status;
    return response_.size_bytes();
  }

 private:
  grpc::ClientContext context_;
  v1::WriteResponse response_;
  std::unique_ptr<grpc::ClientWriter<v1::WriteRequest>> writer_;
  bool ended_ = false;
};

class NodeFixture : public ::testing::Test {
 protected:
  NodeFixture() : NodeFixture("") {}
  // Over TCP if `address` is not empty.
  explicit NodeFixture(std::string address) : address_(std::move(address)) {
    root_ = temp_.path();
    Start();
  }
  ~NodeFixture() override { Stop(); }

  void Start() {
    StorageNodeOptions options;
    options.root = root_;
    options.file_threads = 4;
    options.finish_threads = 2;
    absl::StatusOr<std::unique_ptr<StorageNode>> node = StorageNode::Open(options);
    ASSERT_TRUE(node.ok()) << node.status();
    node_ = *std::move(node);
    grpc::ServerBuilder builder;
    builder.RegisterService(node_->service());
    int port = 0;
    if (!address_.empty()) {
      builder.AddListeningPort(address_, grpc::InsecureServerCredentials(), &port);
    }
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    stub_ = v1::StorageService::NewStub(
        address_.empty() ? server_->InProcessChannel({})
                         : grpc::CreateChannel("127.0.0.1:" + std::to_string(port),
                                               grpc::InsecureChannelCredentials()));
  }
  void Stop() {
    stub_.reset();
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
    server_.reset();
    node_.reset();
  }
  void Restart() {
    Stop();
    Start();
  }

  absl::StatusOr<int64_t> Write(const std::string& incarnation, int64_t offset,
                                absl::string_view bytes) {
    WriteCall call(*stub_);
    call.Header(incarnation, offset);
    for (; !bytes.empty(); bytes.remove_prefix(std::min<size_t>(bytes.size(), 64 * 1024))) {
      if (!call.Chunk(bytes.substr(0, 64 * 1024))) break;
    }
    return call.End();
  }

  absl::StatusOr<int64_t> Finish(const std::string& incarnation, const std::string& digest) {
    grpc::ClientContext context;
    v1::FinishRequest request;
    request.set_incarnation(incarnation);
    request.set_digest(digest);
    v1::FinishResponse response;
    grpc::Status status = stub_->Finish(&context, request, &response);
    if (!status.ok()) return base::FromGrpcStatus(status);
    return response.size_bytes();
  }

  absl::StatusOr<v1::StatResponse> Stat(const std::string& incarnation,
                                        const std::string& digest = "") {
    grpc::ClientContext context;
    v1::StatRequest request;
    request.set_incarnation(incarnation);
    request.set_digest(digest);
    v1::StatResponse response;
    grpc::Status status = stub_->Stat(&context, request, &response);
    if (!status.ok()) return base::FromGrpcStatus(status);
    return response;
  }

  absl::Status Delete(const std::string& incarnation, const std::string& digest = "") {
    grpc::ClientContext context;
    v1::DeleteRequest request;
    request.set_incarnation(incarnation);
    request.set_digest(digest);
    v1::DeleteResponse response;
    return base::FromGrpcStatus(stub_->Delete(&context, request, &response));
  }

  static v1::ReadRequest ReadRequestOf(const std::string& incarnation, const std::string& digest,
                                       int64_t offset, int64_t length) {
    v1::ReadRequest request;
    request.set_incarnation(incarnation);
    request.set_digest(digest);
    request.set_offset(offset);
    request.set_length_bytes(length);
    return request;
  }

  // The bytes of all chunks, or the path.
  absl::StatusOr<std::string> Read(const v1::ReadRequest& request) {
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReader<v1::ReadResponse>> reader = stub_->Read(&context, request);
    std::string bytes;
    v1::ReadResponse response;
    while (reader->Read(&response))
      bytes += response.has_path() ? response.path() : response.chunk();
    grpc::Status status = reader->Finish();
    if (!status.ok()) return base::FromGrpcStatus(status);
    return bytes;
  }

  // Uploads and finishes.
  std::string Store(absl::string_view bytes) {
    const std::string incarnation = base::NewUuid7();
    EXPECT_TRUE(Write(incarnation, 0, bytes).ok());
    EXPECT_TRUE(Finish(incarnation, DigestOf(bytes).ToString()).ok());
    return incarnation;
  }

  // Waits until the node has taken this many bytes of an open call.
  void WaitForSize(const std::string& incarnation, int64_t size_bytes) {
    while (true) {
      absl::StatusOr<v1::StatResponse> stored = Stat(incarnation);
      if (stored.ok() && stored->size_bytes() == size_bytes) return;
    }
  }

  TempFolder temp_;
  std::string root_;
  const std::string address_;
  std::unique_ptr<StorageNode> node_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::StorageService::Stub> stub_;
};

}  // namespace registry::dataplane

#endif  // REGISTRY_TESTS_UNIT_DATAPLANE_NODE_FIXTURE_H_
