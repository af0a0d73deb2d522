#include "app/config/host_port.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace registry::app {
namespace {

using ::testing::HasSubstr;

TEST(HostPortTest, ReadsAddressesAndNames) {
  const struct {
    const char* text;
    HostPort expected;
  } cases[] = {
      {"0.0.0.0:5000", {"0.0.0.0", 5000}},
      {":5000", {"", 5000}},
      {"localhost:0", {"localhost", 0}},
      {"my-host.example.com:65535", {"my-host.example.com", 65535}},
      {"[::1]:5000", {"::1", 5000}},
      {"[::]:80", {"::", 80}},
      {"[fe80::1%eth0]:80", {"fe80::1%eth0", 80}},
      {"[::ffff:10.0.0.1]:80", {"::ffff:10.0.0.1", 80}},
  };
  for (const auto& test : cases) {
    const absl::StatusOr<HostPort> parsed = HostPort::Parse(test.text);
    ASSERT_TRUE(parsed.ok()) << test.text << ": " << parsed.status();
    EXPECT_EQ(*parsed, test.expected) << test.text;
    EXPECT_EQ(parsed->ToString(), test.text);
  }
}

TEST(HostPortTest, RefusesTheRestWithARemedy) {
  const struct {
    const char* text;
    const char* reason;
  } cases[] = {
      {"", "port is missing"},
      {"5000", "write HOST:PORT"},
      {"localhost", "port is missing"},
      {"localhost:", "number from 0 to 65535"},
      {"localhost:http", "number from 0 to 65535"},
      {"localhost:65536", "number from 0 to 65535"},
      {"localhost:-1", "number from 0 to 65535"},
      {"localhost: 1", "number from 0 to 65535"},
      {"localhost:99999999999999999999", "number from 0 to 65535"},
      {"::1:5000", "needs brackets"},
      {"::1", "needs brackets"},
      {"[::1]", "needs brackets"},
      {"[localhost]:5000", "IPv6 address"},
      {"[]:5000", "IPv6 address"},
      {"http://localhost:5000", "needs brackets"},
      {"local host:5000", "without a scheme"},
      {"a/b:5000", "without a scheme"},
  };
  for (const auto& test : cases) {
    EXPECT_THAT(std::string(HostPort::Parse(test.text).status().message()), HasSubstr(test.reason))
        << test.text;
  }
}

}  // namespace
}  // namespace registry::app
