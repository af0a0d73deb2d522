#include "dataplane/hash_states.h"

#include <gtest/gtest.h>

#include "base/hash.h"
#include "temp_folder.h"

namespace registry::dataplane {
namespace {

Incarnation NewIncarnation() { return *Incarnation::Parse(base::NewUuid7()); }

HashState StateOf(absl::string_view bytes) {
  HashState state(oci::DigestAlgorithm::kSha256);
  state.Update(bytes);
  return state;
}

TEST(HashStatesTest, ATakenStateGoesOnWhereItWas) {
  HashStates states(10);
  const Incarnation a = NewIncarnation();
  states.Put(a, StateOf("foo"));
  std::optional<HashState> state = states.Take(a);
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(state->size_bytes, 3);
  state->Update("bar");
  EXPECT_EQ(state->Finish(), DigestOf("foobar"));
  EXPECT_FALSE(states.Take(a).has_value());
}

TEST(HashStatesTest, TheLeastRecentlyUsedGoesFirst) {
  HashStates states(2);
  const Incarnation a = NewIncarnation();
  const Incarnation b = NewIncarnation();
  const Incarnation c = NewIncarnation();
  states.Put(a, StateOf("a"));
  states.Put(b, StateOf("b"));
  states.Put(a, *states.Take(a));
  states.Put(c, StateOf("c"));
  EXPECT_FALSE(states.Take(b).has_value());
  EXPECT_TRUE(states.Take(a).has_value());
  EXPECT_TRUE(states.Take(c).has_value());
}

TEST(HashStatesTest, ANewerStateReplacesAnOlderOne) {
  HashStates states(2);
  const Incarnation a = NewIncarnation();
  states.Put(a, StateOf("a"));
  states.Put(a, StateOf("aa"));
  EXPECT_EQ(states.Take(a)->size_bytes, 2);
  EXPECT_FALSE(states.Take(a).has_value());
}

}  // namespace
}  // namespace registry::dataplane
