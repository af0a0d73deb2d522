// The HTTP server's limits on memory, connections and time, against plain sockets.
#include <gtest/gtest.h>

#include <list>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/http/server.h"
#include "tests/unit/base/http/client.h"

namespace registry::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr size_t kLargeAnswer = 8 * 1024 * 1024;

// "/large" is answered with more than the buffers of sockets take.
Awaitable<void> TestHandler(Exchange& exchange) {
  Response response;
  const bool large = exchange.request().path == "/large";
  response.body = large ? std::string(kLargeAnswer, 'x') : std::string("hello");
  co_await exchange.Send(std::move(response));
}

Response TestError(int status, absl::string_view reason) {
  Response response;
  response.head.status = status;
  response.body = std::string(reason);
  return response;
}

class HttpLimitsTest : public ::testing::Test {
 protected:
  void Start() {
    options_.host = "127.0.0.1";
    options_.port = 0;
    auto server = Server::Listen(loops_, options_, TestHandler, TestError);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  void TearDown() override {
    if (server_) server_->Drain(seconds(0));
    loops_.Stop();
  }
  std::string Ask(absl::string_view request) {
    Client client(server_->address());
    client.Send(request);
    return client.ReadToEnd();
  }
  // That a client which sends its request at once is served.
  void ExpectService() {
    const std::string answer = Ask("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(absl::StartsWith(answer, "HTTP/1.1 200 ")) << answer;
  }

  ServerOptions options_;
  EventLoops loops_{1};
  std::unique_ptr<Server> server_;
};

TEST_F(HttpLimitsTest, TheSlowestHeadersAreCutOffWhenAllTogetherAreTooLarge) {
  options_.header_memory_bytes = 100 * 1024;
  Start();
  const std::string part =
      absl::StrCat("GET / HTTP/1.1\r\nHost: x\r\nX: ", std::string(20 * 1024, 'a'));
  std::list<Client> slow;
  for (int i = 0; i < 20; ++i) {
    slow.emplace_back(server_->address()).Send(part);
    // Whoever sends its header at once gets an answer all the while.
    ExpectService();
  }
  // The first ones are gone, the last one is still waited for.
  EXPECT_TRUE(slow.front().Closed());
  slow.back().Send("\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(absl::StartsWith(slow.back().ReadToEnd(), "HTTP/1.1 200 "));
}

// Memory is per field, whatever it holds.
TEST_F(HttpLimitsTest, AHeaderOfVeryManyFieldsIsRefused) {
  Start();
  const auto request = [](size_t fields) {
    std::string text = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
    for (size_t i = 2; i < fields; ++i) text += "a:\r\n";
    return text + "\r\n";
  };
  EXPECT_TRUE(absl::StartsWith(Ask(request(base::kMaxHeaderFields)), "HTTP/1.1 200 "));
  const std::string refusal = Ask(request(base::kMaxHeaderFields + 1));
  EXPECT_TRUE(absl::StartsWith(refusal, "HTTP/1.1 431 ")) << refusal;
  EXPECT_TRUE(absl::StrContains(refusal, "201 header fields; at most 200")) << refusal;
}

TEST_F(HttpLimitsTest, AnAddressHasOnlySoManyConnections) {
  options_.max_connections_per_client = 3;
  Start();
  std::list<Client> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back(server_->address()).Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(absl::StartsWith(clients.back().ReadUntil("hello"), "HTTP/1.1 200 "));
  }
  const std::string refusal = Client(server_->address()).ReadToEnd();
  EXPECT_TRUE(absl::StartsWith(refusal, "HTTP/1.1 429 Too Many Requests\r\n")) << refusal;
  EXPECT_TRUE(absl::StrContains(refusal, "from 127.0.0.1; at most 3")) << refusal;
  // Those that were open go on, and one that ends makes room.
  clients.back().Send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(absl::StartsWith(clients.back().ReadToEnd(), "HTTP/1.1 200 "));
  clients.pop_back();
  // The server hears of it a little later.
  std::string answer;
  for (int i = 0; i < 1000 && !absl::StartsWith(answer, "HTTP/1.1 200 "); ++i) {
    answer = Ask("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  }
  EXPECT_TRUE(absl::StartsWith(answer, "HTTP/1.1 200 ")) << answer;
}

TEST_F(HttpLimitsTest, ATrustedProxyHasAnyNumberOfConnections) {
  options_.max_connections_per_client = 1;
  options_.connection.trusted_proxies = TrustedProxies::Parse("127.0.0.0/8").value();
  Start();
  std::list<Client> clients;
  for (int i = 0; i < 5; ++i) {
    clients.emplace_back(server_->address()).Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(absl::StartsWith(clients.back().ReadUntil("hello"), "HTTP/1.1 200 "));
  }
}

TEST_F(HttpLimitsTest, AnAnswerThatIsReadTooSlowlyIsCutOffAlthoughSomethingMoves) {
  options_.connection.body_timeout = milliseconds(300);
  options_.connection.min_answer_bytes_per_second = kLargeAnswer * 10;
  Start();
  Client client(server_->address(), /*receive_buffer=*/4096);
  client.Send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
  // 64 KiB at a time would take 6 s for all of it, and nothing pauses for as long as 300 ms.
  size_t received = 0;
  while (received < kLargeAnswer) {
    const size_t count = client.ReceiveSome(64 * 1024);
    if (count == 0) break;
    received += count;
    ::usleep(50'000);
  }
  EXPECT_LT(received, kLargeAnswer);
  ExpectService();
}

// The same answer, read at once.
TEST_F(HttpLimitsTest, ALargeAnswerIsSentWholeToAClientThatReads) {
  options_.connection.min_answer_bytes_per_second = base::kMinAnswerBytesPerSecond;
  Start();
  EXPECT_GT(Ask("GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").size(),
            kLargeAnswer);
}

}  // namespace
}  // namespace registry::http
