#include "oci/digest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "oci/error.h"

namespace registry::oci {
namespace {

using ::testing::HasSubstr;

const std::string kHex64(64, 'a');
const std::string kHex128(128, '0');

TEST(DigestTest, ParsesSha256AndSha512) {
  const absl::StatusOr<Digest> sha256 = Digest::Parse("sha256:" + kHex64);
  ASSERT_TRUE(sha256.ok()) << sha256.status();
  EXPECT_EQ(sha256->algorithm(), DigestAlgorithm::kSha256);
  EXPECT_EQ(sha256->hex(), kHex64);
  EXPECT_EQ(sha256->ToString(), "sha256:" + kHex64);

  const absl::StatusOr<Digest> sha512 = Digest::Parse("sha512:" + kHex128);
  ASSERT_TRUE(sha512.ok()) << sha512.status();
  EXPECT_EQ(sha512->algorithm(), DigestAlgorithm::kSha512);
  EXPECT_EQ(sha512->algorithm_name(), "sha512");
  EXPECT_EQ(sha512->hex(), kHex128);
}

TEST(DigestTest, RefusesInvalidDigests) {
  for (const std::string& text :
       {std::string(), std::string(":"), std::string("sha256"), std::string("sha256:"),
        "sha256:" + std::string(63, 'a'), "sha256:" + std::string(65, 'a'),
        "sha256:" + std::string(64, 'A'), "sha256:" + std::string(64, 'g'), "SHA256:" + kHex64,
        "sha384:" + std::string(96, 'a'), "md5:" + std::string(32, 'a'), "sha512:" + kHex64,
        "sha256:" + kHex128, " sha256:" + kHex64, "sha256:" + kHex64 + "\n",
        "sha256:" + std::string(63, 'a') + std::string(1, '\0'), "sha256:../" + kHex64.substr(3)}) {
    const absl::StatusOr<Digest> digest = Digest::Parse(text);
    ASSERT_FALSE(digest.ok()) << text;
    EXPECT_EQ(CodeOf(digest.status()), ErrorCode::kDigestInvalid) << text;
    EXPECT_FALSE(digest.status().message().empty());
  }
}

TEST(DigestTest, AnErrorNamesTheValueAndTheRule) {
  const absl::Status status = Digest::Parse("sha256:abc").status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("sha256:abc"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("64 hexadecimal digits"));
}

TEST(DigestTest, IsMadeFromABinaryHash) {
  const Digest digest = Digest::FromHash(DigestAlgorithm::kSha256, std::string(32, '\xab'));
  std::string hex;
  for (int i = 0; i < 32; ++i) absl::StrAppend(&hex, "ab");
  EXPECT_EQ(digest.ToString(), "sha256:" + hex);
  EXPECT_EQ(digest, *Digest::Parse(digest.ToString()));
}

TEST(DigestTest, ComparesAsText) {
  const Digest a = *Digest::Parse("sha256:" + std::string(64, 'a'));
  const Digest b = *Digest::Parse("sha256:" + std::string(64, 'b'));
  EXPECT_LT(a, b);
  EXPECT_NE(a, b);
}

TEST(DigestAlgorithmTest, UnknownOnesAreNamedWithThoseSupported) {
  EXPECT_EQ(*ParseDigestAlgorithm("sha512"), DigestAlgorithm::kSha512);
  const absl::Status status = ParseDigestAlgorithm("md5").status();
  EXPECT_EQ(CodeOf(status), ErrorCode::kDigestInvalid);
  EXPECT_THAT(std::string(status.message()), HasSubstr("\"md5\""));
  EXPECT_THAT(std::string(status.message()), HasSubstr("sha256 and sha512"));
}

}  // namespace
}  // namespace registry::oci
