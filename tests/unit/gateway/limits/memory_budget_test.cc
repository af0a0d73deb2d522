#include "gateway/limits/memory_budget.h"

#include <gtest/gtest.h>

#include <optional>

namespace registry::gateway {
namespace {

TEST(MemoryBudgetTest, GrantsUntilItIsSpentAndTakesBack) {
  MemoryBudget budget(100);
  std::optional<MemoryBudget::Share> first(std::in_place, budget, 60);
  EXPECT_TRUE(first->granted());
  EXPECT_FALSE(MemoryBudget::Share(budget, 41).granted());
  EXPECT_TRUE(MemoryBudget::Share(budget, 40).granted());
  first.reset();
  EXPECT_TRUE(MemoryBudget::Share(budget, 100).granted());
  EXPECT_FALSE(MemoryBudget::Share(budget, 101).granted());
}

TEST(MemoryBudgetTest, AShareGrowsAsLongAsThereIsRoom) {
  MemoryBudget budget(100);
  {
    MemoryBudget::Share share(budget, 0);
    ASSERT_TRUE(share.granted());
    EXPECT_TRUE(share.Grow(60));
    EXPECT_FALSE(share.Grow(41));
    EXPECT_TRUE(share.Grow(40));
    EXPECT_FALSE(MemoryBudget::Share(budget, 1).granted());
  }
  EXPECT_TRUE(MemoryBudget::Share(budget, 100).granted());
}

}  // namespace
}  // namespace registry::gateway
