#include "base/hash.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "absl/strings/escaping.h"

namespace registry::base {
namespace {

// The empty message and "abc": FIPS 180-4's examples.
TEST(HasherTest, KnowsThePublishedHashes) {
  Hasher hasher("sha256");
  EXPECT_EQ(absl::BytesToHexString(hasher.Finish()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  hasher.Update("abc");
  EXPECT_EQ(absl::BytesToHexString(hasher.Finish()),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Hasher sha512("sha512");
  sha512.Update("abc");
  EXPECT_EQ(absl::BytesToHexString(sha512.Finish()),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

TEST(HasherTest, FinishDoesNotDisturbTheStream) {
  Hasher whole("sha256");
  whole.Update("one two three");
  Hasher parts("sha256");
  parts.Update("one ");
  parts.Finish();
  parts.Update("");
  parts.Update("two ");
  EXPECT_EQ(parts.Finish(), parts.Finish());
  parts.Update("three");
  EXPECT_EQ(parts.Finish(), whole.Finish());
}

// RFC 4231, test case 2.
TEST(HmacTest, KnowsThePublishedValue) {
  EXPECT_EQ(absl::BytesToHexString(HmacSha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(ConstantTimeEqualsTest, ComparesAllBytes) {
  EXPECT_TRUE(ConstantTimeEquals("", ""));
  EXPECT_TRUE(ConstantTimeEquals("abc", "abc"));
  EXPECT_FALSE(ConstantTimeEquals("abc", "abd"));
  EXPECT_FALSE(ConstantTimeEquals("abc", "ab"));
  EXPECT_FALSE(ConstantTimeEquals(absl::string_view("a\0b", 3), absl::string_view("a\0c", 3)));
}

TEST(RandomBytesTest, DiffersEachTime) {
  EXPECT_EQ(RandomBytes(0).size(), 0u);
  EXPECT_EQ(RandomBytes(32).size(), 32u);
  EXPECT_NE(RandomBytes(32), RandomBytes(32));
}

TEST(UuidTest, Version7SortsByTime) {
  std::set<std::string> seen;
  std::string earlier_millis;
  for (int i = 0; i < 10'000; ++i) {
    const std::string uuid = NewUuid7();
    ASSERT_TRUE(IsUuid(uuid)) << uuid;
    ASSERT_EQ(uuid[14], '7') << uuid;
    ASSERT_THAT(uuid[19], ::testing::AnyOf('8', '9', 'a', 'b')) << uuid;
    ASSERT_TRUE(seen.insert(uuid).second) << uuid;
    const std::string millis = uuid.substr(0, 13);
    ASSERT_LE(earlier_millis, millis);
    earlier_millis = millis;
  }
}

TEST(UuidTest, OnlyTheLowerCaseFormIsAUuid) {
  EXPECT_TRUE(IsUuid("01890a5d-ac96-774b-bcce-b302099a8057"));
  for (const char* text :
       {"", "01890a5dac96774bbcceb302099a8057", "01890A5D-ac96-774b-bcce-b302099a8057",
        "01890a5d-ac96-774b-bcce-b302099a805", "01890a5d-ac96-774b-bcce-b302099a80577",
        "01890a5d-ac96-774b-bcce_b302099a8057", "01890a5d-ac96-774b-bcce-b302099a805g",
        "../../..-ac96-774b-bcce-b302099a8057"}) {
    EXPECT_FALSE(IsUuid(text)) << text;
  }
}

}  // namespace
}  // namespace registry::base
