#include "gateway/range.h"

#include <gtest/gtest.h>

#include "oci/error.h"

namespace registry::gateway {
namespace {

void ExpectRange(absl::string_view header, int64_t size, int64_t offset, int64_t length) {
  const auto range = ParseRange(header, size);
  ASSERT_TRUE(range.ok()) << header;
  ASSERT_TRUE(range->has_value()) << header;
  EXPECT_EQ((*range)->offset, offset) << header;
  EXPECT_EQ((*range)->length, length) << header;
}

TEST(RangeTest, SelectsBytes) {
  ExpectRange("bytes=500-1499", 2000, 500, 1000);
  ExpectRange("bytes=500-", 2000, 500, 1500);
  ExpectRange("bytes=-500", 2000, 1500, 500);
  ExpectRange("bytes=0-", 2000, 0, 2000);
  ExpectRange("Bytes=0-0", 2000, 0, 1);
}

TEST(RangeTest, PastTheEndIsClamped) {
  ExpectRange("bytes=500-9999", 2000, 500, 1500);
  ExpectRange("bytes=-9999", 2000, 0, 2000);
  ExpectRange("bytes=0-99999999999999999999999", 2000, 0, 2000);
}

TEST(RangeTest, RangesWithoutAnyByteAreRefused) {
  for (const char* header : {"bytes=500-0", "bytes=2000-", "bytes=2000-3000", "bytes=-0",
                             "bytes=99999999999999999999-"}) {
    const auto range = ParseRange(header, 2000);
    ASSERT_FALSE(range.ok()) << header;
    EXPECT_EQ(oci::ToHttpError(range.status()).status, 416) << header;
  }
  EXPECT_FALSE(ParseRange("bytes=0-", 0).ok());
}

TEST(RangeTest, WhatIsNoByteRangeMeansEverything) {
  for (const char* header : {"", "items=0-1", "bytes", "bytes=", "bytes=a-b", "bytes=1-b",
                             "bytes=0-1,3-4", "bytes=--1"}) {
    const auto range = ParseRange(header, 2000);
    ASSERT_TRUE(range.ok()) << header;
    EXPECT_FALSE(range->has_value()) << header;
  }
}

TEST(RangeTest, UploadRangeNamesFirstAndLastByte) {
  const auto range = ParseUploadRange("10-19");
  ASSERT_TRUE(range.ok());
  EXPECT_EQ(range->offset, 10);
  EXPECT_EQ(range->length, 10);
  for (const char* header :
       {"", "10", "10-", "-10", "20-10", "a-b", "bytes 0-1/2", "0-99999999999999999999"}) {
    EXPECT_FALSE(ParseUploadRange(header).ok()) << header;
  }
}

}  // namespace
}  // namespace registry::gateway
