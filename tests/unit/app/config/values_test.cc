#include "app/config/values.h"

#include <gtest/gtest.h>

#include <utility>

namespace registry::app {
namespace {

TEST(ValuesTest, ByteSizes) {
  const std::pair<const char*, int64_t> kSizes[] = {{"0", 0},
                                                    {"1", 1},
                                                    {"512K", 524288},
                                                    {"500M", int64_t{500} << 20},
                                                    {"20G", int64_t{20} << 30},
                                                    {"4T", int64_t{4} << 40},
                                                    {"4611686018427387904", int64_t{1} << 62}};
  for (const auto& [text, size] : kSizes) EXPECT_EQ(ParseByteSize(text), size) << text;
  for (const char* text : {"", "K", "-1", "+1", " 1", "1 ", "1k", "1.5G", "1GB", "0x10", "G1",
                           "4611686018427387905", "4194305T", "99999999999999999999"}) {
    EXPECT_EQ(ParseByteSize(text), std::nullopt) << text;
  }
}

TEST(ValuesTest, ParsesDurations) {
  const struct {
    const char* text;
    int64_t seconds;
  } good[] = {{"0", 0},
              {"90", 90},
              {"90s", 90},
              {"5m", 300},
              {"1h30m", 5400},
              {"30d", 2'592'000},
              {"1d2h3m4s", 93784},
              {"1h1s", 3601},
              {"315360000", 315'360'000}};
  for (const auto& test : good) {
    EXPECT_EQ(ParseDuration(test.text), std::chrono::seconds(test.seconds)) << test.text;
  }
  for (const char* text : {"", "s", "5ms", "1.5h", "-1", "+1", " 1", "1 s", "1m1h", "1m1m", "1h30",
                           "1w", "3651d", "315360001", "99999999999999999999", "1S"}) {
    EXPECT_EQ(ParseDuration(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace registry::app
