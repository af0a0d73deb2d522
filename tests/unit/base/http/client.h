// A plain HTTP client for tests of the server.
#ifndef REGISTRY_TESTS_UNIT_BASE_HTTP_CLIENT_H_
#define REGISTRY_TESTS_UNIT_BASE_HTTP_CLIENT_H_

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"

namespace registry::http {

// A blocking client that gives up after 10 s.
class Client {
 public:
  // `receive_buffer`: of the socket; 0 leaves it to the system.
  explicit Client(absl::string_view address, int receive_buffer = 0) {
    int port = 0;
    EXPECT_TRUE(absl::SimpleAtoi(address.substr(address.rfind(':') + 1), &port));
    descriptor_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in peer = {};
    peer.sin_family = AF_INET;
    peer.sin_port = htons(static_cast<uint16_t>(port));
    peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (receive_buffer > 0) {
      ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    timeval timeout = {.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    EXPECT_EQ(::connect(descriptor_, reinterpret_cast<sockaddr*>(&peer), sizeof peer), 0);
  }
  ~Client() { ::close(descriptor_); }

  void Send(absl::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      text.remove_prefix(static_cast<size_t>(sent));
    }
  }

  // Reads until `end` is received or the connection ends.
  std::string ReadUntil(absl::string_view end) {
    while (!absl::StrContains(received_, end)) {
      if (!Receive()) break;
    }
    const size_t at = received_.find(std::string(end));
    const size_t size = at == std::string::npos ? received_.size() : at + end.size();
    std::string result = received_.substr(0, size);
    received_.erase(0, size);
    return result;
  }

  std::string ReadToEnd() {
    while (Receive()) {
    }
    return std::exchange(received_, std::string());
  }

  // Reads at most `max_bytes`; 0 at the end.
  size_t ReceiveSome(size_t max_bytes) {
    std::string buffer(max_bytes, 0);
    const ssize_t count = ::recv(descriptor_, buffer.data(), buffer.size(), 0);
    return count <= 0 ? 0 : static_cast<size_t>(count);
  }

  // True when the server has closed the connection.
  bool Closed() { return ReadToEnd().empty(); }

 private:
  bool Receive() {
    char buffer[65536];
    const ssize_t count = ::recv(descriptor_, buffer, sizeof buffer, 0);
    if (count <= 0) return false;
    received_.append(buffer, static_cast<size_t>(count));
    return true;
  }

  int descriptor_;
  std::string received_;
};

}  // namespace registry::http

#endif  // REGISTRY_TESTS_UNIT_BASE_HTTP_CLIENT_H_
