#include "base/client_address.h"

#include <gtest/gtest.h>

namespace registry::base {
namespace {

TEST(AddressGroupTest, Ipv4AddressesStandForThemselves) {
  EXPECT_EQ(AddressGroup("192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(AddressGroup("::ffff:192.0.2.7"), "192.0.2.7");
}

TEST(AddressGroupTest, Ipv6AddressesStandForTheirNetwork) {
  EXPECT_EQ(AddressGroup("2001:db8::1:2"), "2001:db8::/64");
  EXPECT_EQ(AddressGroup("2001:db8:0:1:ffff::1"), "2001:db8:0:1::/64");
  EXPECT_EQ(AddressGroup("fe80::1%eth0"), "fe80::/64");
  EXPECT_EQ(AddressGroup("::1"), "::/64");
}

TEST(AddressGroupTest, OtherTextStandsForItself) {
  EXPECT_EQ(AddressGroup(""), "");
  EXPECT_EQ(AddressGroup("unknown"), "unknown");
}

}  // namespace
}  // namespace registry::base
