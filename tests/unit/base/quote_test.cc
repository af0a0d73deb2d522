#include "base/quote.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace registry::base {
namespace {

TEST(QuoteTest, EscapesControlCharactersAndWhatIsNotUtf8) {
  EXPECT_EQ(Quote("a b"), "\"a b\"");
  EXPECT_EQ(Quote(""), "\"\"");
  for (const std::string& text :
       {std::string("\r\n\0\x1b[31m", 8), std::string("\xff\xfe\xc3"), std::string("\"\\")}) {
    const std::string quoted = Quote(text);
    for (const char c : quoted) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << quoted;
  }
}

TEST(QuoteTest, CutsLongText) {
  const std::string quoted = Quote(std::string(100'000, 'x'));
  EXPECT_LT(quoted.size(), 220u);
  EXPECT_THAT(quoted, ::testing::HasSubstr("…"));
}

TEST(QuoteTest, CutsInsideACharacterWithoutLeavingHalfOfIt) {
  const std::string quoted = Quote(std::string(199, 'x') + "äöü");
  // Only quotes, letters, escapes and the mark of the cut remain.
  EXPECT_THAT(quoted, ::testing::HasSubstr("\\"));
  EXPECT_THAT(quoted, ::testing::Not(::testing::HasSubstr("ä")));
}

}  // namespace
}  // namespace registry::base
