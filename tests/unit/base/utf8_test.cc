#include "base/utf8.h"

#include <gtest/gtest.h>

namespace registry::base {
namespace {

TEST(Utf8Test, AcceptsText) {
  for (const char* text : {"", "plain", "caf\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x90\xb3",
                           "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf"}) {
    EXPECT_TRUE(IsUtf8Text(text)) << text;
  }
}

TEST(Utf8Test, RefusesInvalidUtf8) {
  for (const char* text : {"\xff", "\xc3", "\x80", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80",
                           "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf0\x9f\x90", "\xc3("}) {
    EXPECT_FALSE(IsUtf8Text(text));
  }
}

TEST(Utf8Test, KnowsControlCharacters) {
  for (const char* text : {"a\n", "\t", "\x7f",
                           "a\xc2\x9b"
                           "31m",
                           "\xc2\x80", "\x1b[0m"}) {
    EXPECT_TRUE(HasControlCharacter(text));
  }
  for (const char* text : {"", "a b", "caf\xc3\xa9", "\xc2\xa0", "\xe2\x82\xac", "\xc3\x9b"}) {
    EXPECT_FALSE(HasControlCharacter(text)) << text;
  }
}

TEST(Utf8Test, RefusesNul) { EXPECT_FALSE(IsUtf8Text(absl::string_view("a\0b", 3))); }

}  // namespace
}  // namespace registry::base
