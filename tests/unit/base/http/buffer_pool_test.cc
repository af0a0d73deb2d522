#include "base/http/buffer_pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace registry::http {
namespace {

TEST(BufferPoolTest, AFreedBufferIsUsedAgainForOneOfItsSize) {
  BufferPool pool;
  void* buffer = pool.Take(3000);
  std::memset(buffer, 1, 4096);  // The next power of two is there.
  pool.Give(buffer, 3000);
  EXPECT_EQ(pool.Take(4096), buffer);
  void* other = pool.Take(2048);
  EXPECT_NE(other, buffer);
  pool.Give(other, 2048);
  pool.Give(buffer, 4096);
  EXPECT_EQ(pool.Take(2000), other);
  pool.Give(other, 2000);
}

// A sanitizer sees what would be freed twice or not at all.
TEST(BufferPoolTest, KeepsFewBuffersAndNoLargeOnes) {
  BufferPool pool;
  std::vector<void*> buffers;
  for (int i = 0; i < 100; ++i) buffers.push_back(pool.Take(64 * 1024));
  for (void* buffer : buffers) pool.Give(buffer, 64 * 1024);
  void* large = pool.Take(64 * 1024 + 1);
  pool.Give(large, 64 * 1024 + 1);
  EXPECT_EQ(pool.Take(64 * 1024), buffers[3]);
  pool.Give(buffers[3], 64 * 1024);
  pool.Give(pool.Take(1), 1);
}

}  // namespace
}  // namespace registry::http
