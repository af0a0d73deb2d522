#include "base/lru_cache.h"

#include <gtest/gtest.h>

#include <string>

namespace registry::base {
namespace {

using Cache = LruCache<std::string>;

TEST(LruCacheTest, FindsWhatWasPutAndTakesItOut) {
  Cache cache({.max_entries = 10});
  cache.Put("a", "1", 0);
  ASSERT_NE(cache.Find("a"), nullptr);
  EXPECT_EQ(*cache.Find("a"), "1");
  EXPECT_EQ(cache.Find("b"), nullptr);
  EXPECT_EQ(cache.Take("a"), "1");
  EXPECT_EQ(cache.Find("a"), nullptr);
  EXPECT_EQ(cache.bytes(), 0u);
}

TEST(LruCacheTest, TheLeastRecentlyUsedEntryMakesRoom) {
  Cache cache({.max_entries = 2});
  cache.Put("a", "1", 0);
  cache.Put("b", "2", 0);
  EXPECT_NE(cache.Find("a"), nullptr);
  cache.Put("c", "3", 0);
  EXPECT_NE(cache.Find("a"), nullptr);
  EXPECT_EQ(cache.Find("b"), nullptr);
  EXPECT_NE(cache.Find("c"), nullptr);
}

TEST(LruCacheTest, ALargeEntryMakesRoomForItselfWithManySmallOnes) {
  Cache cache({.max_entries = 100, .max_bytes = 10 * (Cache::kEntryBytes + 100)});
  for (int i = 0; i < 20; ++i) cache.Put(std::to_string(i), "", 100);
  EXPECT_EQ(cache.size(), 10u);
  cache.Put("large", "", 5 * (Cache::kEntryBytes + 100) - Cache::kEntryBytes);
  EXPECT_EQ(cache.size(), 6u);
  EXPECT_LE(cache.bytes(), 10 * (Cache::kEntryBytes + 100));
  EXPECT_NE(cache.Find("large"), nullptr);
  EXPECT_NE(cache.Find("19"), nullptr);
  EXPECT_EQ(cache.Find("14"), nullptr);
}

TEST(LruCacheTest, AnEntryLargerThanTheCacheIsNotKeptAndDisplacesNothingElse) {
  Cache cache({.max_entries = 100, .max_bytes = 2 * Cache::kEntryBytes});
  cache.Put("a", "1", 0);
  cache.Put("b", "2", 2 * Cache::kEntryBytes);
  EXPECT_EQ(cache.Find("b"), nullptr);
  EXPECT_NE(cache.Find("a"), nullptr);
  // Nor does the value that it would replace stay.
  cache.Put("a", "3", 2 * Cache::kEntryBytes);
  EXPECT_EQ(cache.Find("a"), nullptr);
}

TEST(LruCacheTest, ANewValueReplacesTheOldOneAndItsBytes) {
  Cache cache({.max_entries = 2});
  cache.Put("a", "1", 1000);
  cache.Put("a", "2", 10);
  EXPECT_EQ(cache.size(), 1u);
  EXPECT_EQ(cache.bytes(), Cache::kEntryBytes + 10);
  EXPECT_EQ(*cache.Find("a"), "2");
  cache.Clear();
  EXPECT_EQ(cache.size(), 0u);
  EXPECT_EQ(cache.bytes(), 0u);
}

TEST(LruCacheTest, NoEntriesAreAllowedToo) {
  Cache cache({.max_entries = 0});
  cache.Put("a", "1", 0);
  EXPECT_EQ(cache.Find("a"), nullptr);
}

}  // namespace
}  // namespace registry::base
