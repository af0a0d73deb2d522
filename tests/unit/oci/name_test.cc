#include "oci/name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/error.h"

namespace registry::oci {
namespace {

using ::testing::HasSubstr;

TEST(RepositoryNameTest, AcceptsWhatTheSpecificationAllows) {
  for (const std::string& text :
       {std::string("a"), std::string("library/ubuntu"), std::string("a/b/c/d/e"),
        std::string("a.b_c__d-e--f---g"), std::string("0/1"), std::string(255, 'x'),
        std::string("blobs/uploads"), std::string("manifests/tags/list")}) {
    const absl::StatusOr<RepositoryName> name = RepositoryName::Parse(text);
    ASSERT_TRUE(name.ok()) << name.status();
    EXPECT_EQ(name->ToString(), text);
  }
}

TEST(RepositoryNameTest, RefusesEverythingElse) {
  for (const std::string& text : {std::string(),
                                  std::string("/"),
                                  std::string("a/"),
                                  std::string("/a"),
                                  std::string("a//b"),
                                  std::string("A"),
                                  std::string("a/B"),
                                  std::string(".a"),
                                  std::string("a."),
                                  std::string("a..b"),
                                  std::string("a___b"),
                                  std::string("_a"),
                                  std::string("a_"),
                                  std::string("-a"),
                                  std::string("a-"),
                                  std::string("a._b"),
                                  std::string("a-.b"),
                                  std::string(".."),
                                  std::string("../etc/passwd"),
                                  std::string("a/../b"),
                                  std::string("a b"),
                                  std::string("a:b"),
                                  std::string("a@b"),
                                  std::string("ä"),
                                  std::string("a\0b", 3),
                                  std::string("a\n"),
                                  std::string("%2e%2e"),
                                  std::string(256, 'x')}) {
    const absl::StatusOr<RepositoryName> name = RepositoryName::Parse(text);
    ASSERT_FALSE(name.ok()) << text;
    EXPECT_EQ(CodeOf(name.status()), ErrorCode::kNameInvalid) << text;
  }
}

TEST(RepositoryNameTest, RefusesAViewWithoutData) {
  EXPECT_EQ(CodeOf(RepositoryName::Parse(absl::string_view()).status()), ErrorCode::kNameInvalid);
}

TEST(RepositoryNameTest, AnErrorNamesTheValueAndTheRule) {
  const absl::Status upper_case = RepositoryName::Parse("Team/App").status();
  EXPECT_THAT(std::string(upper_case.message()), HasSubstr("\"Team/App\""));
  EXPECT_THAT(std::string(upper_case.message()), HasSubstr("lower-case"));
  const absl::Status too_long = RepositoryName::Parse(std::string(300, 'x')).status();
  EXPECT_THAT(std::string(too_long.message()), HasSubstr("300 bytes, but at most 255"));
}

TEST(TagTest, AcceptsWhatTheSpecificationAllows) {
  for (const std::string& text :
       {std::string("v1.2"), std::string("latest"), std::string("_"), std::string("A-b.C_d"),
        std::string("1"), std::string("a."), std::string("a-"), std::string(128, 'x')}) {
    const absl::StatusOr<Tag> tag = Tag::Parse(text);
    ASSERT_TRUE(tag.ok()) << tag.status();
    EXPECT_EQ(tag->ToString(), text);
  }
}

TEST(TagTest, RefusesEverythingElse) {
  for (const std::string& text :
       {std::string(), std::string("."), std::string(".a"), std::string("-a"), std::string("a/b"),
        std::string("a:b"), std::string("a b"), std::string("a@"), std::string("ä"),
        std::string("a\0", 2), std::string("a+b"), std::string(129, 'x')}) {
    const absl::StatusOr<Tag> tag = Tag::Parse(text);
    ASSERT_FALSE(tag.ok()) << text;
    EXPECT_EQ(CodeOf(tag.status()), ErrorCode::kManifestInvalid) << text;
  }
}

TEST(ReferenceTest, TextWithAColonIsADigestAllOtherATag) {
  const std::string digest = "sha256:" + std::string(64, '1');
  const absl::StatusOr<Reference> by_digest = ParseReference(digest);
  ASSERT_TRUE(by_digest.ok());
  EXPECT_TRUE(std::holds_alternative<Digest>(*by_digest));
  EXPECT_EQ(ToString(*by_digest), digest);

  const absl::StatusOr<Reference> by_tag = ParseReference("latest");
  ASSERT_TRUE(by_tag.ok());
  EXPECT_TRUE(std::holds_alternative<Tag>(*by_tag));
  EXPECT_EQ(ToString(*by_tag), "latest");

  EXPECT_EQ(CodeOf(ParseReference("latest:2").status()), ErrorCode::kDigestInvalid);
  EXPECT_EQ(CodeOf(ParseReference("-").status()), ErrorCode::kManifestInvalid);
  EXPECT_EQ(CodeOf(ParseReference("").status()), ErrorCode::kManifestInvalid);
}

}  // namespace
}  // namespace registry::oci
