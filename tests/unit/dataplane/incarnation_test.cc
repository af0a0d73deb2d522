#include "dataplane/incarnation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "temp_folder.h"

namespace registry::dataplane {
namespace {

using ::testing::HasSubstr;

constexpr char kId[] = "018f4e2a-7b1c-7def-8123-456789abcdef";

TEST(IncarnationTest, NothingButAUuidBecomesAPath) {
  for (const char* text :
       {"", "../x", "..", "/etc/passwd", "018f4e2a-7b1c-7def-8123-456789abcde/",
        "018F4E2A-7B1C-7DEF-8123-456789ABCDEF", "018f4e2a-7b1c-7def-8123-456789abcdef0"}) {
    absl::Status status = Incarnation::Parse(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr(text));
  }
}

TEST(IncarnationTest, PathsAreTheDocumentedOnes) {
  const Incarnation incarnation = *Incarnation::Parse(kId);
  const oci::Digest digest = DigestOf("x");
  EXPECT_EQ(incarnation.UploadPath(), std::string("uploads/") + kId);
  EXPECT_EQ(incarnation.FinishedFolder(), "blobs/ef");
  EXPECT_EQ(incarnation.FinishedPath(digest),
            std::string("blobs/ef/") + kId + "~sha256~" + std::string(digest.hex()));
  EXPECT_EQ(BlobFolder(0), "blobs/00");
  EXPECT_EQ(BlobFolder(kBlobFolders - 1), "blobs/ff");
}

TEST(IncarnationTest, ReadsTheDigestBackFromAFinishedNameOnly) {
  const Incarnation incarnation = *Incarnation::Parse(kId);
  for (const auto algorithm : {oci::DigestAlgorithm::kSha256, oci::DigestAlgorithm::kSha512}) {
    const oci::Digest digest = DigestOf("x", algorithm);
    const std::string path = incarnation.FinishedPath(digest);
    EXPECT_EQ(incarnation.ParseFinishedName(path.substr(path.rfind('/') + 1)), digest);
  }
  const std::string hex(64, 'a');
  for (const std::string& name :
       {std::string("."), std::string("lost+found"), std::string(kId), kId + std::string("~"),
        kId + std::string("~sha256~"), kId + std::string("~md5~") + hex,
        kId + std::string("~sha256~") + hex + "~old",
        "118f4e2a-7b1c-7def-8123-456789abcdef~sha256~" + hex}) {
    EXPECT_EQ(incarnation.ParseFinishedName(name), std::nullopt) << name;
  }
}

}  // namespace
}  // namespace registry::dataplane
