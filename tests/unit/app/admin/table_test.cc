#include "app/admin/table.h"

#include <gtest/gtest.h>

namespace registry::app::admin {
namespace {

TEST(TableTest, ColumnsAreAsWideAsTheirWidestCell) {
  Table table({"A", "LONG", "C"});
  table.Add({"wide", "x", "y"});
  EXPECT_EQ(table.ToString(),
            "A     LONG  C\n"
            "wide  x     y\n");
}

TEST(TableTest, WidthsAreInCharacters) {
  Table table({"A", "B"});
  table.Add({"Zoë", "x"});
  table.Add({"Zoe", "y"});
  EXPECT_EQ(table.ToString(),
            "A    B\n"
            "Zoë  x\n"
            "Zoe  y\n");
}

TEST(TableTest, ControlCharactersAreEscaped) {
  Table table({"A"});
  table.Add(
      {"a\x1b[2J\n\tb\x7f\xc2\x9b"
       "3"});
  EXPECT_EQ(table.ToString(), "A\na\\033[2J\\n\\tb\\177\\302\\2333\n");
}

}  // namespace
}  // namespace registry::app::admin
