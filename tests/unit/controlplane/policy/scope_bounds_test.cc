#include "controlplane/policy/scope_bounds.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace registry::controlplane {
namespace {

std::optional<NameRange> Bounds(const std::string& expression) {
  const re2::RE2 compiled(expression, re2::RE2::Quiet);
  EXPECT_TRUE(compiled.ok()) << expression;
  return BoundsOf(compiled);
}

TEST(ScopeBoundsTest, AnAnchoredPrefixBounds) {
  for (const char* expression : {"^team/", "^team/.+$", "^team/app(:.+)?$", "^team/[a-z|]+$",
                                 "^(team)/(app|web)$", "^team/a\\|b"}) {
    const std::optional<NameRange> bounds = Bounds(expression);
    ASSERT_TRUE(bounds.has_value()) << expression;
    EXPECT_GT(bounds->first, "team") << expression;
    EXPECT_LT(bounds->last, "tean") << expression;
  }
}

TEST(ScopeBoundsTest, WhateverMayMatchElsewhereIsUnbounded) {
  for (const char* expression : {"", "team/", "^team/|web", "^*team/", "^?team/", "^+team/|x",
                                 "(^team/)", "^\\Qa|b\\E|web", "^[]a]|web", "^[^]a]|web", "^.*x"}) {
    const std::optional<NameRange> bounds = Bounds(expression);
    if (!bounds.has_value()) continue;
    // Bounds that contain everything are as good as none.
    EXPECT_EQ(bounds->first, "") << expression;
    EXPECT_GE(bounds->last, "zzz") << expression;
  }
}

// For any expression: a name in which it finds a match is within the bounds.
TEST(ScopeBoundsTest, NoMatchIsOutOfBounds) {
  const std::string pieces[] = {"^",  "$",  "a",  "b", "/",  "|",     "(a|b)", "[ab]", "[]a]",
                                ".*", "a?", "a*", ":", "^*", "(?:b)", "\\Qa",  "\\E",  "b{2}"};
  std::vector<std::string> names;
  for (const char* letters : {"a", "b", "c", "/", ":"}) {
    for (const char* more : {"", "a", "b", "bb", "a/b", "ab:a", "b:c"}) {
      names.push_back(absl::StrCat(letters, more));
    }
  }
  int bounded = 0;
  for (const std::string& one : pieces) {
    for (const std::string& two : pieces) {
      for (const std::string& three : pieces) {
        const re2::RE2 expression(absl::StrCat("^", one, two, three), re2::RE2::Quiet);
        if (!expression.ok()) continue;
        const std::optional<NameRange> bounds = BoundsOf(expression);
        if (!bounds.has_value()) continue;
        ++bounded;
        for (const std::string& name : names) {
          if (!re2::RE2::PartialMatch(name, expression)) continue;
          EXPECT_LE(bounds->first, name) << expression.pattern();
          EXPECT_GE(bounds->last, name) << expression.pattern();
        }
      }
    }
  }
  EXPECT_GT(bounded, 1000);
}

TEST(ScopeBoundsTest, APrefixMayBeginWithinTheBounds) {
  const NameRange range{.first = "team/a", .last = "team/c"};
  EXPECT_TRUE(MayBeginWith(range, "team/"));
  EXPECT_TRUE(MayBeginWith(range, "team/b"));
  EXPECT_FALSE(MayBeginWith(range, "team/d"));
  EXPECT_FALSE(MayBeginWith(range, "aaa"));
}

}  // namespace
}  // namespace registry::controlplane
