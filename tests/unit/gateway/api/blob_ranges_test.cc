// Downloads of several ranges, over fake planes: from a node that sends chunks, and from one that
// shares the machine and names its file.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gateway/gateway.h"
#include "registry/v1/access.grpc.pb.h"
#include "registry/v1/metadata.grpc.pb.h"
#include "registry/v1/storage.grpc.pb.h"
#include "tests/unit/dataplane/temp_folder.h"

namespace registry::gateway {
namespace {

const std::string kDigest = absl::StrCat("sha256:", std::string(64, 'a'));

std::string BlobBytes() {
  std::string bytes;
  for (int i = 0; i < 100'000; ++i) bytes += static_cast<char>('a' + i % 23);
  return bytes;
}

class FakeAccess final : public v1::AccessService::Service {
  grpc::Status Authorize(grpc::ServerContext*, const v1::AuthorizeRequest*,
                         v1::AuthorizeResponse* response) override {
    response->set_decision(v1::DECISION_ALLOWED);
    return grpc::Status::OK;
  }
};

class FakeMetadata final : public v1::MetadataService::Service {
  grpc::Status GetBlob(grpc::ServerContext*, const v1::GetBlobRequest* request,
                       v1::Blob* response) override {
    response->set_digest(request->digest());
    response->set_size_bytes(static_cast<int64_t>(BlobBytes().size()));
    response->set_incarnation("incarnation");
    response->add_nodes("node");
    return grpc::Status::OK;
  }
};

class FakeStorage final : public v1::StorageService::Service {
 public:
  // With a folder, the node shares the machine, and its file is "blob" there.
  explicit FakeStorage(std::string folder) : folder_(std::move(folder)) {}

  int reads() const { return reads_; }

 private:
  grpc::Status GetNode(grpc::ServerContext*, const v1::GetNodeRequest*,
                       v1::Node* response) override {
    response->set_id("node");
    response->set_root(folder_);
    if (folder_.empty()) return grpc::Status::OK;
    std::string boot_id;
    std::ifstream("/proc/sys/kernel/random/boot_id") >> boot_id;
    response->set_boot_id(boot_id);
    response->set_mount_namespace(std::filesystem::read_symlink("/proc/self/ns/mnt").string());
    return grpc::Status::OK;
  }

  grpc::Status Read(grpc::ServerContext*, const v1::ReadRequest* request,
                    grpc::ServerWriter<v1::ReadResponse>* writer) override {
    ++reads_;
    v1::ReadResponse response;
    if (request->accept_path()) {
      response.set_path("blob");
      writer->Write(response);
      return grpc::Status::OK;
    }
    const std::string bytes = BlobBytes().substr(static_cast<size_t>(request->offset()),
                                                 static_cast<size_t>(request->length_bytes()));
    for (size_t at = 0; at < bytes.size(); at += 1000) {
      response.set_chunk(bytes.substr(at, 1000));
      writer->Write(response);
    }
    return grpc::Status::OK;
  }

  const std::string folder_;
  std::atomic<int> reads_ = 0;
};

class BlobRangesTest : public testing::Test {
 protected:
  void Start(const std::string& folder) {
    storage_.emplace(folder);
    grpc::ServerBuilder builder;
    builder.RegisterService(&access_);
    builder.RegisterService(&metadata_);
    builder.RegisterService(&*storage_);
    server_ = builder.BuildAndStart();
    GatewayOptions options;
    options.host = "127.0.0.1";
    options.port = 0;
    options.threads = 1;
    options.control_plane = server_->InProcessChannel(grpc::ChannelArguments());
    options.storage_nodes = {{"node", server_->InProcessChannel(grpc::ChannelArguments())}};
    auto gateway = Gateway::Start(std::move(options));
    ASSERT_TRUE(gateway.ok()) << gateway.status();
    gateway_ = *std::move(gateway);
  }

  void TearDown() override {
    gateway_.reset();
    if (server_) server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
  }

  std::string Get(const std::string& ranges) {
    const std::string address = gateway_->address();
    const size_t colon = address.rfind(':');
    boost::asio::ip::tcp::iostream stream;
    stream.expires_after(std::chrono::seconds(30));
    stream.connect(address.substr(0, colon), address.substr(colon + 1));
    stream << "GET /v2/team/app/blobs/" << kDigest
           << " HTTP/1.1\r\nHost: x\r\nRange: bytes=" << ranges << "\r\nConnection: close\r\n\r\n"
           << std::flush;
    return std::string(std::istreambuf_iterator<char>(stream), {});
  }

  // Asks for 300 ranges out of order and checks every byte of the answer's body.
  void ExpectRanges() {
    const std::string bytes = BlobBytes();
    std::string ranges;
    std::vector<std::pair<int, int>> wanted;
    for (int i = 0; i < 300; ++i) {
      const int first = (i * 7919) % 90'000;
      wanted.emplace_back(first, first + i % 90 + (i == 5 ? 3000 : 0));
      absl::StrAppend(&ranges, i > 0 ? "," : "", wanted.back().first, "-", wanted.back().second);
    }
    const std::string answer = Get(ranges);
    ASSERT_TRUE(absl::StartsWith(answer, "HTTP/1.1 206 ")) << answer.substr(0, 500);
    const std::string mark = "boundary=";
    const size_t from = answer.find(mark) + mark.size();
    const std::string boundary = answer.substr(from, answer.find("\r\n", from) - from);
    std::string expected;
    for (const auto& [first, last] : wanted) {
      absl::StrAppend(
          &expected, "\r\n--", boundary,
          "\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes ", first, "-", last,
          "/", bytes.size(), "\r\n\r\n",
          bytes.substr(static_cast<size_t>(first), static_cast<size_t>(last - first + 1)));
    }
    absl::StrAppend(&expected, "\r\n--", boundary, "--\r\n");
    EXPECT_TRUE(
        absl::StrContains(answer, absl::StrCat("Content-Length: ", expected.size(), "\r\n")));
    EXPECT_EQ(answer.substr(answer.find("\r\n\r\n") + 4), expected);
  }

  FakeAccess access_;
  FakeMetadata metadata_;
  std::optional<FakeStorage> storage_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Gateway> gateway_;
};

TEST_F(BlobRangesTest, ChunksComeFromOneReadPerRangeInOrder) {
  Start("");
  ExpectRanges();
  EXPECT_EQ(storage_->reads(), 300);
}

TEST_F(BlobRangesTest, AFileOfThisMachineIsOpenedOnceForAllRanges) {
  const dataplane::TempFolder folder;
  std::ofstream(folder.path() + "/blob") << BlobBytes();
  Start(folder.path());
  ExpectRanges();
  EXPECT_EQ(storage_->reads(), 1);
}

}  // namespace
}  // namespace registry::gateway
