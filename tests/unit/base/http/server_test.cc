// Tests the HTTP server over a plain socket: framing, limits, timeouts, draining.
#include "base/http/server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <optional>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/unit/base/http/client.h"

namespace registry::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// The body bytes that "/large" counted as sent before its connection broke.
std::promise<uint64_t>* large_sent = nullptr;
constexpr size_t kLargeBytes = 64 * 1024 * 1024;

// Answers each path as the tests below need it.
Awaitable<void> TestHandler(Exchange& exchange) {
  const absl::string_view path = exchange.request().path;
  Response response;
  response.body = absl::StrCat(exchange.request().method(), " ", path);
  if (path == "/echo" || path == "/chunks") {
    std::string body;
    while (true) {
      const absl::StatusOr<std::string> part = co_await exchange.ReadBody(1000);
      if (!part.ok()) co_return;
      if (part->empty()) break;
      body += *part;
    }
    if (path == "/chunks") {
      ResponseHead head;
      if (!(co_await exchange.SendHead(std::move(head))).ok()) co_return;
      if (!(co_await exchange.SendBody(body)).ok()) co_return;
      co_await exchange.SendBody("!");
      co_return;
    }
    response.body = body;
  } else if (path == "/short") {
    ResponseHead head;
    head.content_length = 100;
    if (!(co_await exchange.SendHead(std::move(head))).ok()) co_return;
    co_await exchange.SendBody("only this");
    co_return;
  } else if (path == "/large") {
    ResponseHead head;
    head.content_length = kLargeBytes;
    if ((co_await exchange.SendHead(std::move(head))).ok()) {
      co_await exchange.SendBody(std::string(kLargeBytes, 'x'));
    }
    large_sent->set_value(exchange.body_bytes_sent());
    co_return;
  } else if (path == "/silent") {
    co_return;
  } else if (path == "/call") {
    // A call that ends only when it is cancelled.
    std::function<void(std::string)> answer;
    response.body = co_await Suspend<std::string>([&](auto done) { answer = std::move(done); },
                                                  [&] {
                                                    if (answer) std::exchange(answer, nullptr)("");
                                                  });
  } else if (path == "/inject") {
    response.head.Set("X-Text", "a\r\nX-Injected: b");
  }
  co_await exchange.Send(std::move(response));
}

Response TestError(int status, absl::string_view reason) {
  Response response;
  response.head.status = status;
  response.body = std::string(reason);
  return response;
}

class HttpServerTest : public ::testing::Test {
 protected:
  void Start() {
    options_.host = "127.0.0.1";
    options_.port = 0;
    auto server = Server::Listen(loops_, options_, TestHandler, TestError);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  void TearDown() override {
    if (server_) {
      EXPECT_EQ(server_->Drain(seconds(10)), 0u);
    }
    loops_.Stop();
  }
  std::string Ask(absl::string_view request) {
    Client client(server_->address());
    client.Send(request);
    return client.ReadToEnd();
  }

  ServerOptions options_;
  EventLoops loops_{2};
  std::unique_ptr<Server> server_;
};

TEST_F(HttpServerTest, KeepsTheConnectionForMoreRequests) {
  Start();
  Client client(server_->address());
  client.Send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(absl::StartsWith(client.ReadUntil("GET /1"), "HTTP/1.1 200 OK\r\n"));
  client.Send("GET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(absl::StartsWith(client.ReadUntil("GET /2"), "HTTP/1.1 200 OK\r\n"));
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInOrder) {
  Start();
  Client client(server_->address());
  client.Send(
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nfirst"
      "GET /second HTTP/1.1\r\nHost: x\r\n\r\n"
      "GET /third HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string all = client.ReadToEnd();
  EXPECT_LT(all.find("first"), all.find("GET /second"));
  EXPECT_LT(all.find("GET /second"), all.find("GET /third"));
  EXPECT_TRUE(absl::EndsWith(all, "GET /third"));
}

TEST_F(HttpServerTest, ReadsAndWritesChunks) {
  Start();
  const std::string answer = Ask(
      "POST /chunks HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
      "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  EXPECT_TRUE(absl::StrContains(answer, "Transfer-Encoding: chunked\r\n")) << answer;
  EXPECT_TRUE(absl::EndsWith(answer, "\r\n\r\n5\r\nabcde\r\n1\r\n!\r\n0\r\n\r\n")) << answer;
}

TEST_F(HttpServerTest, AnHttp10BodyOfUnknownLengthEndsWithTheConnection) {
  Start();
  const std::string answer =
      Ask("POST /chunks HTTP/1.0\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nabc");
  EXPECT_TRUE(absl::EndsWith(answer, "\r\n\r\nabc!")) << answer;
}

TEST_F(HttpServerTest, SendsContinueWhenTheBodyIsWanted) {
  Start();
  Client client(server_->address());
  client.Send(
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.ReadUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.Send("ok");
  EXPECT_TRUE(absl::StartsWith(client.ReadUntil("\r\n\r\nok"), "HTTP/1.1 200 OK\r\n"));
}

TEST_F(HttpServerTest, SendsNoContinueWhenTheBodyIsNotWanted) {
  Start();
  const std::string answer =
      Ask("POST /other HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_TRUE(absl::StartsWith(answer, "HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_TRUE(absl::StrContains(answer, "Connection: close\r\n")) << answer;
}

TEST_F(HttpServerTest, HeadHasTheLengthButNoBody) {
  Start();
  const std::string answer = Ask("HEAD /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(absl::StrContains(answer, "Content-Length: 7\r\n")) << answer;
  EXPECT_TRUE(absl::EndsWith(answer, "\r\n\r\n")) << answer;
}

TEST_F(HttpServerTest, ABodyThatEndsEarlyEndsTheConnection) {
  Start();
  const std::string answer = Ask("GET /short HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(absl::EndsWith(answer, "only this")) << answer;
}

TEST_F(HttpServerTest, CountsTheBytesThatWereSentBeforeTheConnectionBroke) {
  Start();
  std::promise<uint64_t> sent;
  large_sent = &sent;
  {
    Client client(server_->address());
    client.Send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_FALSE(client.ReadUntil(std::string(100'000, 'x')).empty());
  }
  const uint64_t bytes = sent.get_future().get();
  EXPECT_GE(bytes, 100'000u);
  EXPECT_LT(bytes, kLargeBytes);
}

size_t CountDates(absl::string_view answer) {
  const std::vector<absl::string_view> parts = absl::StrSplit(answer, "\r\nDate: ");
  return parts.size() - 1;
}

TEST_F(HttpServerTest, EveryAnswerHasOneDate) {
  Start();
  for (const char* request :
       {"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "GET / HTTP/1.0\r\n\r\n",
        "POST /chunks HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET /short HTTP/1.1\r\nHost: x\r\n\r\n", "GET /silent HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n", "\x01\x02\r\n\r\n"}) {
    const std::string answer = Ask(request);
    EXPECT_EQ(CountDates(answer), 1u) << request << answer;
  }
}

TEST_F(HttpServerTest, AnInterimAnswerHasNoDateAndARefusedConnectionGetsOne) {
  options_.max_connections = 1;
  Start();
  Client first(server_->address());
  first.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(CountDates(first.ReadUntil("\r\n\r\n")), 0u);
  Client over_the_limit(server_->address());
  const std::string refusal = over_the_limit.ReadToEnd();
  EXPECT_TRUE(absl::StartsWith(refusal, "HTTP/1.1 503 ")) << refusal;
  EXPECT_EQ(CountDates(refusal), 1u) << refusal;
  first.Send("x");
  EXPECT_EQ(CountDates(first.ReadUntil("\r\n\r\nx")), 1u);
}

TEST_F(HttpServerTest, AnUnansweredRequestIs500) {
  Start();
  EXPECT_TRUE(absl::StartsWith(Ask("GET /silent HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 500 "));
}

TEST_F(HttpServerTest, AHeaderValueCannotInjectAHeader) {
  Start();
  const std::string answer = Ask("GET /inject HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(absl::StrContains(answer, "X-Text: a  X-Injected: b\r\n")) << answer;
}

TEST_F(HttpServerTest, RefusesAHeaderOverTheLimit) {
  Start();
  const std::string fits(options_.connection.max_header_bytes - 100, 'a');
  EXPECT_TRUE(absl::StartsWith(
      Ask(absl::StrCat("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: ", fits, "\r\n\r\n")),
      "HTTP/1.1 200 "));
  const std::string large(options_.connection.max_header_bytes, 'a');
  EXPECT_TRUE(absl::StartsWith(Ask(absl::StrCat("GET / HTTP/1.1\r\nHost: x\r\nX: ", large)),
                               "HTTP/1.1 431 "));
}

TEST_F(HttpServerTest, RefusesMalformedRequests) {
  Start();
  for (const char* request :
       {"\x01\x02\x03\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}) {
    Client client(server_->address());
    client.Send(request);
    const std::string status = client.ReadUntil("\r\n");
    EXPECT_TRUE(absl::StartsWith(status, "HTTP/1.1 4") || absl::StartsWith(status, "HTTP/1.1 5"))
        << request << ": " << status;
  }
  EXPECT_TRUE(absl::StartsWith(Ask("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
                               "HTTP/1.1 200 "));
}

// Otherwise a proxy in front could see another end, and take the rest of the body for a request.
TEST_F(HttpServerTest, RefusesRequestsWhoseEndIsInDoubt) {
  Start();
  const std::string start = "POST /echo HTTP/1.1\r\nHost: x\r\n";
  for (const char* headers : {
           "Transfer-Encoding: gzip\r\nContent-Length: 2\r\n",
           "Content-Length: 2\r\nTransfer-Encoding: identity\r\n",
           "Transfer-Encoding: gzip\r\n",
           "Transfer-Encoding: chunked, gzip\r\n",
           "Transfer-Encoding: \r\n",
       }) {
    const std::string answer = Ask(absl::StrCat(start, headers, "\r\n"));
    EXPECT_TRUE(absl::StartsWith(answer, "HTTP/1.1 400 ")) << headers << answer;
  }
  for (const char* headers : {
           "Transfer-Encoding: gzip, chunked\r\n",
           "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
       }) {
    const std::string answer = Ask(absl::StrCat(start, headers, "\r\n0\r\n\r\n"));
    EXPECT_TRUE(absl::StartsWith(answer, "HTTP/1.1 501 ")) << headers << answer;
  }
  EXPECT_TRUE(
      absl::StartsWith(Ask("POST /echo HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
                           "\r\n0\r\n\r\n"),
                       "HTTP/1.1 400 "));
}

TEST_F(HttpServerTest, RefusesUnknownExpectations) {
  Start();
  EXPECT_TRUE(
      absl::StartsWith(Ask("GET / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n"), "HTTP/1.1 417 "));
}

TEST_F(HttpServerTest, ClosesAConnectionWhoseHeaderIsLate) {
  options_.connection.header_timeout = milliseconds(100);
  Start();
  Client client(server_->address());
  client.Send("GET / HTTP/1.1\r\nHo");
  EXPECT_TRUE(client.Closed());
}

TEST_F(HttpServerTest, SlowHeaderBytesDoNotExtendTheTimeout) {
  options_.connection.header_timeout = milliseconds(200);
  Start();
  Client client(server_->address());
  client.Send("GET / HTTP/1.1\r\n");
  std::atomic<bool> done = false;
  std::thread trickle([&] {
    while (!done) {
      client.Send("a");
      std::this_thread::yield();
    }
  });
  EXPECT_FALSE(absl::StrContains(client.ReadToEnd(), " 200 "));
  done = true;
  trickle.join();
}

TEST_F(HttpServerTest, ClosesAnIdleConnection) {
  options_.connection.idle_timeout = milliseconds(100);
  Start();
  Client fresh(server_->address());
  EXPECT_TRUE(fresh.Closed());
  Client used(server_->address());
  used.Send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_FALSE(used.ReadUntil("GET /1").empty());
  EXPECT_TRUE(used.Closed());
}

TEST_F(HttpServerTest, ClosesAConnectionWhoseBodyStalls) {
  options_.connection.body_timeout = milliseconds(100);
  Start();
  Client client(server_->address());
  client.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_TRUE(client.Closed());
}

TEST_F(HttpServerTest, RefusesConnectionsOverTheLimit) {
  options_.max_connections = 1;
  Start();
  Client first(server_->address());
  first.Send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_FALSE(first.ReadUntil("GET /1").empty());
  Client second(server_->address());
  EXPECT_TRUE(absl::StartsWith(second.ReadToEnd(), "HTTP/1.1 503 "));
}

TEST_F(HttpServerTest, DrainFinishesWhatRunsAndClosesWhatIsIdle) {
  Start();
  // One per event loop: once both are closed, both loops are draining.
  Client idle(server_->address());
  Client other_idle(server_->address());
  for (Client* client : {&idle, &other_idle}) {
    client->Send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_FALSE(client->ReadUntil("GET /1").empty());
  }
  Client busy(server_->address());
  busy.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_FALSE(busy.ReadUntil("Continue\r\n\r\n").empty());
  size_t cut_off = 1;
  std::thread drain([&] { cut_off = server_->Drain(seconds(10)); });
  EXPECT_TRUE(idle.Closed());
  EXPECT_TRUE(other_idle.Closed());
  busy.Send("done");
  const std::string answer = busy.ReadToEnd();
  EXPECT_TRUE(absl::StrContains(answer, "Connection: close\r\n")) << answer;
  EXPECT_TRUE(absl::EndsWith(answer, "done")) << answer;
  drain.join();
  EXPECT_EQ(cut_off, 0u);
}

TEST_F(HttpServerTest, DrainAnswersWhatHasComeAlready) {
  for (int i = 0; i < 50; ++i) {
    Start();
    std::optional<Client> client(std::in_place, server_->address());
    client->Send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_FALSE(client->ReadUntil("GET /1").empty());
    client->Send("GET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
    std::thread drain([&] { EXPECT_EQ(server_->Drain(seconds(10)), 0u); });
    EXPECT_TRUE(absl::EndsWith(client->ReadToEnd(), "GET /2"));
    client.reset();  // The server waits for the client's end of the connection.
    drain.join();
    server_.reset();
  }
}

TEST_F(HttpServerTest, DrainGivesUpAfterItsTimeout) {
  Start();
  {
    Client stuck(server_->address());
    stuck.Send(
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_FALSE(stuck.ReadUntil("Continue\r\n\r\n").empty());
    EXPECT_EQ(server_->Drain(milliseconds(50)), 1u);
  }
}

TEST_F(HttpServerTest, DrainCancelsTheCallsOfWhatItCutsOff) {
  Start();
  Client waiting(server_->address());
  waiting.Send("GET /call HTTP/1.1\r\nHost: x\r\n\r\n");
  Client asked(server_->address());
  asked.Send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_FALSE(asked.ReadUntil("GET /1").empty());
  EXPECT_EQ(server_->Drain(milliseconds(50)), 1u);
  EXPECT_TRUE(waiting.Closed());
}

TEST_F(HttpServerTest, AnAddressInUseIsAnError) {
  Start();
  ServerOptions same = options_;
  int port = 0;
  const std::string address = server_->address();
  ASSERT_TRUE(absl::SimpleAtoi(address.substr(address.rfind(':') + 1), &port));
  same.port = static_cast<uint16_t>(port);
  const auto second = Server::Listen(loops_, same, TestHandler, TestError);
  ASSERT_FALSE(second.ok());
  EXPECT_TRUE(absl::StrContains(second.status().message(), address)) << second.status();
}

TEST_F(HttpServerTest, DrainCanBeCutShort) {
  Start();
  Client asked(server_->address());
  asked.Send("GET /call HTTP/1.1\r\nHost: x\r\n\r\n");
  Client answered(server_->address());
  answered.Send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_FALSE(answered.ReadUntil("GET /1").empty());
  std::thread cut_off([&] { server_->CutOff(); });
  EXPECT_GE(server_->Drain(std::chrono::hours(1)), 1u);
  cut_off.join();
  EXPECT_TRUE(asked.Closed());
}

TEST_F(HttpServerTest, AClientThatBeginsTlsIsToldThatThereIsNone) {
  Start();
  Client client(server_->address());
  client.Send("\x16\x03\x01\x02");
  const std::string answer = client.ReadToEnd();
  EXPECT_TRUE(absl::StartsWith(answer, "HTTP/1.1 400 ")) << answer;
  EXPECT_TRUE(absl::StrContains(answer, "http://")) << answer;
}

TEST_F(HttpServerTest, ABadCertificateIsAnError) {
  options_.host = "127.0.0.1";
  options_.port = 0;
  options_.tls = TlsIdentity{.certificate = "no certificate", .private_key = "no key"};
  const auto server = Server::Listen(loops_, options_, TestHandler, TestError);
  ASSERT_FALSE(server.ok());
  EXPECT_EQ(server.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StrContains(server.status().message(), "the certificate cannot be used"));
}

}  // namespace
}  // namespace registry::http
