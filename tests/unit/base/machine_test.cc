#include "base/machine.h"

#include <gtest/gtest.h>

namespace registry::base {
namespace {

TEST(FileNamespaceTest, IsTheSameWheneverAProcessAsks) {
  const absl::StatusOr<FileNamespace> first = ReadFileNamespace();
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->boot_id.size(), 36U);
  EXPECT_EQ(first->mount_namespace.substr(0, 5), "mnt:[");
  EXPECT_EQ(*first, *ReadFileNamespace());
}

}  // namespace
}  // namespace registry::base
