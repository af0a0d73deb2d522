#include "base/http/header_memory.h"

#include <gtest/gtest.h>

#include <memory>

namespace registry::http {
namespace {

class HeaderMemoryTest : public testing::Test {
 protected:
  // A connection that reads a header.
  struct Reader {
    explicit Reader(HeaderMemory& memory) : account(memory, [this] { cut_off = true; }) {
      account.BeginReading();
    }
    bool cut_off = false;
    HeaderMemory::Account account;
  };

  HeaderMemory memory_{100};
};

TEST_F(HeaderMemoryTest, WhoeverBeganFirstIsCutOffFirst) {
  Reader first(memory_);
  Reader second(memory_);
  Reader third(memory_);
  EXPECT_TRUE(first.account.Hold(40));
  EXPECT_TRUE(second.account.Hold(40));
  EXPECT_TRUE(third.account.Hold(40));
  EXPECT_TRUE(first.cut_off);
  EXPECT_FALSE(second.cut_off);
  EXPECT_EQ(memory_.bytes(), 80u);
  EXPECT_TRUE(third.account.Hold(70));
  EXPECT_TRUE(second.cut_off);
  EXPECT_FALSE(third.cut_off);
  EXPECT_EQ(memory_.TakeCutOffCount(), 2u);
  EXPECT_EQ(memory_.TakeCutOffCount(), 0u);
}

TEST_F(HeaderMemoryTest, WhoeverWasCutOffHoldsNothingAgain) {
  Reader first(memory_);
  Reader second(memory_);
  EXPECT_TRUE(first.account.Hold(60));
  EXPECT_TRUE(second.account.Hold(60));
  EXPECT_FALSE(first.account.Hold(1));
  EXPECT_EQ(memory_.bytes(), 60u);
}

TEST_F(HeaderMemoryTest, TheSlowestOneMayBeTheOneThatAsks) {
  Reader first(memory_);
  Reader second(memory_);
  EXPECT_TRUE(second.account.Hold(60));
  EXPECT_FALSE(first.account.Hold(60));
  EXPECT_FALSE(second.cut_off);
  EXPECT_EQ(memory_.bytes(), 60u);
}

TEST_F(HeaderMemoryTest, ACompleteHeaderCountsAndIsNotCutOff) {
  Reader complete(memory_);
  EXPECT_TRUE(complete.account.Hold(90));
  complete.account.EndReading();
  Reader other(memory_);
  EXPECT_FALSE(other.account.Hold(20));
  EXPECT_FALSE(complete.cut_off);
  EXPECT_EQ(memory_.bytes(), 90u);
  // It may grow no more either.
  EXPECT_FALSE(complete.account.Hold(101));
  EXPECT_TRUE(complete.account.Hold(0));
  EXPECT_EQ(memory_.bytes(), 0u);
}

TEST_F(HeaderMemoryTest, AConnectionThatEndsGivesItsMemoryBack) {
  auto ended = std::make_unique<Reader>(memory_);
  EXPECT_TRUE(ended->account.Hold(90));
  ended.reset();
  EXPECT_EQ(memory_.bytes(), 0u);
  Reader other(memory_);
  EXPECT_TRUE(other.account.Hold(100));
}

}  // namespace
}  // namespace registry::http
