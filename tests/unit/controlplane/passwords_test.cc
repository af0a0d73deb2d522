#include "controlplane/passwords.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace registry::controlplane {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(PasswordsTest, AHashVerifiesItsPasswordOnly) {
  const std::string hash = HashPassword("s3cret").value();
  EXPECT_THAT(hash, StartsWith("$2b$10$"));
  EXPECT_TRUE(ValidatePasswordHash(hash).ok());
  EXPECT_TRUE(VerifyPassword("s3cret", hash));
  EXPECT_FALSE(VerifyPassword("s3cre", hash));
  EXPECT_FALSE(VerifyPassword("s3cret ", hash));
  EXPECT_NE(hash, HashPassword("s3cret").value()) << "the salt must differ";
}

// The test vector of crypt_blowfish 1.3 (wrapper.c), under the three names of the algorithm.
TEST(PasswordsTest, HashesOfOtherProgramsVerify) {
  EXPECT_TRUE(
      VerifyPassword("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"));
  EXPECT_TRUE(
      VerifyPassword("U*U", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"));
  EXPECT_TRUE(
      VerifyPassword("U*U", "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"));
  EXPECT_FALSE(
      VerifyPassword("U*V", "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"));
}

TEST(PasswordsTest, WhatBcryptWouldIgnoreIsRefused) {
  EXPECT_TRUE(ValidatePassword(std::string(72, 'x')).ok());
  EXPECT_THAT(std::string(HashPassword(std::string(73, 'x')).status().message()),
              HasSubstr("has 73 bytes"));
  EXPECT_THAT(std::string(HashPassword(absl::string_view("a\0b", 3)).status().message()),
              HasSubstr("NUL"));
  EXPECT_THAT(std::string(HashPassword("").status().message()), HasSubstr("empty"));

  const std::string hash = HashPassword(std::string(72, 'x')).value();
  EXPECT_TRUE(VerifyPassword(std::string(72, 'x'), hash));
  EXPECT_FALSE(VerifyPassword(std::string(73, 'x'), hash));
  EXPECT_FALSE(VerifyPassword(absl::string_view("a\0b", 3), HashPassword("a").value()));
}

TEST(PasswordsTest, MalformedHashesAreRefusedWithAReason) {
  const std::string good = "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
  ASSERT_TRUE(ValidatePasswordHash(good).ok());
  const auto with = [&](size_t at, absl::string_view text) {
    return std::string(good).replace(at, text.size(), std::string(text));
  };
  const std::pair<std::string, const char*> cases[] = {
      {"", "must begin with"},
      {"$6$salt$hash", "must begin with"},
      {with(2, "x"), "must begin with"},
      {good.substr(0, 59), "59 characters instead of 60"},
      {good + "x", "61 characters"},
      {with(4, "03"), "cost"},
      {with(4, "17"), "cost"},
      {with(4, " 5"), "cost"},
      {with(4, "+5"), "cost"},
      {with(6, "."), "cost"},
      {with(10, "!"), "not a salt and hash"},
      {with(28, "D"), "not a salt and hash"},
      {with(59, "X"), "not a salt and hash"},
  };
  for (const auto& [hash, reason] : cases) {
    EXPECT_THAT(std::string(ValidatePasswordHash(hash).message()), HasSubstr(reason)) << hash;
    EXPECT_FALSE(VerifyPassword("U*U", hash)) << hash;
  }
}

TEST(PasswordsTest, ADecoyIsAValidHashOfTheCostAsked) {
  for (int cost : {4, 10, 16}) {
    const std::string decoy = MakeDecoyHash(cost);
    EXPECT_TRUE(ValidatePasswordHash(decoy).ok()) << decoy;
    EXPECT_EQ(BcryptCostOf(decoy), cost);
  }
  EXPECT_FALSE(VerifyPassword("s3cret", MakeDecoyHash(4)));
}

}  // namespace
}  // namespace registry::controlplane
