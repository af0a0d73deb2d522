#include "base/http/message.h"

#include <gtest/gtest.h>

namespace registry::http {
namespace {

TEST(MessageTest, DecodesEscapes) {
  EXPECT_EQ(PercentDecode("a%3Ab+c", true), "a:b c");
  EXPECT_EQ(PercentDecode("a+b", false), "a+b");
  EXPECT_EQ(PercentDecode("%", false), std::nullopt);
  EXPECT_EQ(PercentDecode("%4", false), std::nullopt);
  EXPECT_EQ(PercentDecode("%zz", false), std::nullopt);
  for (const char* malformed : {"a%", "a%4", "ab%4", "abc%", "%%41", "%4%41", "a%zzb", "%2"}) {
    EXPECT_EQ(PercentDecode(malformed, true), std::nullopt) << malformed;
  }
  EXPECT_EQ(PercentDecode("", true), "");
  EXPECT_EQ(PercentDecode("%00%ff%2B%2b", true), std::string("\0\xff++", 4));
  EXPECT_EQ(PercentDecode("a b\"<\xc3\xa9", true), "a b\"<\xc3\xa9") << "left as they are";
}

TEST(MessageTest, EncodingIsUndoneByDecoding) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  EXPECT_EQ(PercentDecode(PercentEncode(all), false), all);
}

TEST(MessageTest, EncodesAllButUnreservedCharacters) {
  EXPECT_EQ(PercentEncode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(PercentEncode("a b+c/\xe9:%"), "a%20b%2Bc%2F%E9%3A%25");
}

TEST(MessageTest, FormValuesAreDecodedAndKeepAMalformedEscape) {
  EXPECT_EQ(FormValues("a=1+2&b=x&%61=%3D&a=%zz&a", "a"),
            (std::vector<std::string>{"1 2", "=", "%zz", ""}));
  EXPECT_EQ(FormValues("a=b=c&&=d", "a"), (std::vector<std::string>{"b=c"}));
  EXPECT_EQ(FormValues("a=b=c&&=d", ""), (std::vector<std::string>{"d"}));
}

TEST(MessageTest, FindsQueryParameters) {
  Request request;
  request.query = "scope=a%3Ab&n=&scope=c&flag";
  EXPECT_EQ(request.QueryParameter("scope"), "a:b");
  EXPECT_EQ(request.QueryParameters("scope"), (std::vector<std::string>{"a:b", "c"}));
  EXPECT_EQ(request.QueryParameter("n"), "");
  EXPECT_EQ(request.QueryParameter("flag"), "");
  EXPECT_EQ(request.QueryParameter("missing"), std::nullopt);
}

}  // namespace
}  // namespace registry::http
