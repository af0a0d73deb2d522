#include "base/http/http_date.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace registry::http {
namespace {

TEST(HttpDateTest, IsWrittenAsInTheRfc) {
  // The example of RFC 9110, section 5.6.7.
  EXPECT_EQ(FormatHttpDate(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(FormatHttpDate(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(FormatHttpDate(951827696), "Tue, 29 Feb 2000 12:34:56 GMT");
  EXPECT_EQ(FormatHttpDate(4102444799), "Thu, 31 Dec 2099 23:59:59 GMT");
}

TEST(HttpDateTest, TheCurrentDateIsThatOfThisSecond) {
  const std::time_t before = std::time(nullptr);
  const std::string date(CurrentHttpDate());
  const std::time_t after = std::time(nullptr);
  std::vector<std::string> possible;
  for (std::time_t time = before; time <= after; ++time) possible.push_back(FormatHttpDate(time));
  EXPECT_NE(std::find(possible.begin(), possible.end(), date), possible.end()) << date;
}

TEST(HttpDateTest, TheCurrentDateGoesOn) {
  const std::string first(CurrentHttpDate());
  const std::time_t begun = std::time(nullptr);
  while (std::time(nullptr) < begun + 2) {
    CurrentHttpDate();
  }
  EXPECT_NE(CurrentHttpDate(), first);
}

}  // namespace
}  // namespace registry::http
