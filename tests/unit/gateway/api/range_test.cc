#include "gateway/api/range.h"

#include <gtest/gtest.h>

#include "base/limits.h"
#include "oci/error.h"

namespace registry::gateway {
namespace {

using Pairs = std::vector<std::pair<int64_t, int64_t>>;

// As pairs of offset and length.
Pairs Parse(absl::string_view header, int64_t size) {
  const absl::StatusOr<std::vector<ByteRange>> ranges = ParseRanges(header, size);
  EXPECT_TRUE(ranges.ok()) << header;
  Pairs pairs;
  if (ranges.ok()) {
    for (const ByteRange range : *ranges) pairs.emplace_back(range.offset, range.length);
  }
  return pairs;
}

void ExpectRange(absl::string_view header, int64_t size, int64_t offset, int64_t length) {
  EXPECT_EQ(Parse(header, size), (Pairs{{offset, length}})) << header;
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
    const auto ranges = ParseRanges(header, 2000);
    ASSERT_FALSE(ranges.ok()) << header;
    EXPECT_EQ(oci::ToHttpError(ranges.status()).status, 416) << header;
  }
  EXPECT_FALSE(ParseRanges("bytes=0-", 0).ok());
  EXPECT_FALSE(ParseRanges("bytes=2000-,3000-", 2000).ok());
}

TEST(RangeTest, SeveralRangesKeepTheirOrder) {
  EXPECT_EQ(Parse("bytes=10-19, 0-4 ,-5", 2000), (Pairs{{10, 10}, {0, 5}, {1995, 5}}));
  EXPECT_EQ(Parse("bytes=0-4,9999-", 2000), (Pairs{{0, 5}}));
  EXPECT_EQ(Parse("bytes=,0-4,", 2000), (Pairs{{0, 5}}));
}

TEST(RangeTest, WhatIsNoByteRangeMeansEverything) {
  for (const char* header :
       {"", "items=0-1", "bytes", "bytes=", "bytes=a-b", "bytes=1-b", "bytes=0-1,b", "bytes=--1"}) {
    EXPECT_EQ(Parse(header, 2000), Pairs()) << header;
  }
}

TEST(RangeTest, TooMuchMeansEverything) {
  EXPECT_EQ(Parse("bytes=0-,0-", 2000), Pairs());
  std::string many = "bytes=0-0";
  for (size_t i = 1; i < base::kMaxRanges; ++i) many += ",0-0";
  EXPECT_EQ(Parse(many, 2000).size(), base::kMaxRanges);
  EXPECT_EQ(Parse(many + ",0-0", 2000), Pairs());
  EXPECT_EQ(Parse("bytes=0-9223372036854775806,0-9223372036854775806", 2000), Pairs());
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
