#include "gateway/memory_budget.h"

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

}  // namespace
}  // namespace registry::gateway
