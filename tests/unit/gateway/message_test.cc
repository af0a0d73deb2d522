#include "gateway/http/message.h"

#include <gtest/gtest.h>

namespace registry::gateway {
namespace {

TEST(MessageTest, DecodesEscapes) {
  EXPECT_EQ(PercentDecode("a%3Ab+c", true), "a:b c");
  EXPECT_EQ(PercentDecode("a+b", false), "a+b");
  EXPECT_EQ(PercentDecode("%", false), std::nullopt);
  EXPECT_EQ(PercentDecode("%4", false), std::nullopt);
  EXPECT_EQ(PercentDecode("%zz", false), std::nullopt);
}

TEST(MessageTest, EncodingIsUndoneByDecoding) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  EXPECT_EQ(PercentDecode(PercentEncode(all), false), all);
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
}  // namespace registry::gateway
