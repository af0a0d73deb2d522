#include "controlplane/metadata/page_cursor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "oci/error.h"

namespace registry::controlplane {
namespace {

constexpr char kSecret[] = "a secret of thirty-two bytes or more";

TEST(PageCursorTest, ReplicasWithTheSameSecretOpenEachOthersCursors) {
  const PageCursor cursor(kSecret);
  for (const std::string& name : {std::string("a"), std::string(255, 'x'), std::string("")}) {
    EXPECT_EQ(*cursor.Open(cursor.Seal(name)), name);
    EXPECT_EQ(*PageCursor(kSecret).Open(cursor.Seal(name)), name);
  }
}

TEST(PageCursorTest, APlainNameIsACursorToo) {
  const PageCursor cursor(kSecret);
  EXPECT_EQ(*cursor.Open("team/app"), "team/app");
  EXPECT_EQ(*cursor.Open(""), "");
}

TEST(PageCursorTest, NeitherTheNameNorItsLengthShows) {
  const PageCursor cursor(kSecret);
  const std::string sealed = cursor.Seal("team/secret");
  EXPECT_FALSE(absl::StrContains(sealed, "secret"));
  EXPECT_NE(cursor.Seal("team/secret"), sealed);
  EXPECT_EQ(cursor.Seal(std::string(255, 'x')).size(), sealed.size());
}

// The last character of a cursor carries four bits; base64 decoders take any value of its other
// two.
TEST(PageCursorTest, OtherSpellingsOfACursorAreRefused) {
  const PageCursor cursor(kSecret);
  const std::string sealed = cursor.Seal("team/secret");
  constexpr absl::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const size_t value = kAlphabet.find(sealed.back());
  ASSERT_NE(value, absl::string_view::npos);
  const std::string all_but_last = sealed.substr(0, sealed.size() - 1);
  for (const size_t unused_bits : {1, 2, 3}) {
    const std::string place = absl::StrCat(all_but_last, kAlphabet.substr(value ^ unused_bits, 1));
    EXPECT_EQ(oci::CodeOf(cursor.Open(place).status()), oci::ErrorCode::kQueryInvalid) << place;
  }
  for (const std::string& place : {sealed + "=", sealed + " ", sealed + "\n"}) {
    EXPECT_EQ(oci::CodeOf(cursor.Open(place).status()), oci::ErrorCode::kQueryInvalid) << place;
  }
}

TEST(PageCursorTest, CursorsOfOtherKeysAreRefused) {
  const PageCursor cursor(kSecret);
  const std::string sealed = cursor.Seal("team/secret");
  std::vector<std::string> wrong = {"~",
                                    "~5",
                                    "~~",
                                    sealed + "A",
                                    sealed.substr(0, sealed.size() - 4),
                                    PageCursor("another secret of thirty-two bytes").Seal("a")};
  for (size_t i = 1; i < sealed.size(); i += 7) {
    wrong.push_back(sealed);
    wrong.back()[i] = sealed[i] == 'A' ? 'B' : 'A';
  }
  for (const std::string& place : wrong) {
    EXPECT_EQ(oci::CodeOf(cursor.Open(place).status()), oci::ErrorCode::kQueryInvalid) << place;
  }
}

}  // namespace
}  // namespace registry::controlplane
