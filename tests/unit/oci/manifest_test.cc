#include "oci/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "oci/error.h"

namespace registry::oci {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string HexDigest(char digit) { return "sha256:" + std::string(64, digit); }

// Turns single quotes into double ones, and $1 … $3 into digests.
std::string Json(absl::string_view text) {
  return absl::StrReplaceAll(
      text, {{"'", "\""}, {"$1", HexDigest('1')}, {"$2", HexDigest('2')}, {"$3", HexDigest('3')}});
}

absl::StatusOr<Manifest> Parse(absl::string_view text, absl::string_view content_type = "") {
  return ParseManifest(content_type, Json(text));
}

TEST(ManifestTest, AnImageReferencesItsConfigAndLayers) {
  const absl::StatusOr<Manifest> manifest = Parse(R"({
      'schemaVersion': 2, 'mediaType': 'application/vnd.oci.image.manifest.v1+json',
      'config': {'mediaType': 'application/vnd.oci.image.config.v1+json', 'digest': '$1', 'size': 7},
      'layers': [{'mediaType': 'application/vnd.oci.image.layer.v1.tar', 'digest': '$2', 'size': 0}],
      'annotations': {'a': 'b'}})");
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_EQ(manifest->media_type, kMediaTypeImageManifest);
  ASSERT_THAT(manifest->blobs, SizeIs(2));
  EXPECT_EQ(manifest->blobs[0].digest.ToString(), HexDigest('1'));
  EXPECT_EQ(manifest->blobs[0].size_bytes, 7);
  EXPECT_FALSE(manifest->blobs[0].foreign);
  EXPECT_EQ(manifest->blobs[1].digest.ToString(), HexDigest('2'));
  EXPECT_THAT(manifest->children, IsEmpty());
  EXPECT_FALSE(manifest->subject.has_value());
  EXPECT_EQ(manifest->artifact_type, "application/vnd.oci.image.config.v1+json");
}

TEST(ManifestTest, AnIndexReferencesManifests) {
  const absl::StatusOr<Manifest> manifest = Parse(R"({'schemaVersion': 2, 'manifests': [
      {'mediaType': 'application/vnd.oci.image.manifest.v1+json', 'digest': '$1', 'size': 7,
       'platform': {'os': 'linux'}}, {'digest': '$2', 'size': 8}]})");
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_EQ(manifest->media_type, kMediaTypeImageIndex);
  EXPECT_THAT(manifest->blobs, IsEmpty());
  ASSERT_THAT(manifest->children, SizeIs(2));
  EXPECT_EQ(manifest->children[1].digest.ToString(), HexDigest('2'));
}

TEST(ManifestTest, AnEmptyIndexAndAnImageWithoutLayersAreFine) {
  EXPECT_TRUE(Parse("{'schemaVersion': 2, 'manifests': []}").ok());
  EXPECT_TRUE(
      Parse("{'schemaVersion': 2, 'layers': [], 'config': {'digest': '$1', 'size': 2}}").ok());
  EXPECT_TRUE(Parse("{'schemaVersion': 2, 'manifests': null, 'config': null}").ok());
}

TEST(ManifestTest, DockersManifestsAreKnown) {
  const absl::StatusOr<Manifest> image =
      Parse("{'schemaVersion': 2, 'config': {'digest': '$1', 'size': 2}, 'layers': []}",
            kMediaTypeDockerManifest);
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->media_type, kMediaTypeDockerManifest);
  const absl::StatusOr<Manifest> list =
      Parse("{'schemaVersion': 2, 'manifests': [{'digest': '$1', 'size': 2}]}",
            kMediaTypeDockerManifestList);
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_THAT(list->children, SizeIs(1));
}

TEST(ManifestTest, ForeignLayersAreMarked) {
  const absl::StatusOr<Manifest> manifest = Parse(R"({'schemaVersion': 2, 'layers': [
      {'mediaType': 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', 'digest': '$1',
       'size': 1},
      {'mediaType': 'application/vnd.oci.image.layer.nondistributable.v1.tar', 'digest': '$2',
       'size': 1},
      {'digest': '$3', 'size': 1, 'urls': ['https://example.com/layer']},
      {'digest': '$3', 'size': 1, 'urls': []}]})");
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_TRUE(manifest->blobs[0].foreign);
  EXPECT_TRUE(manifest->blobs[1].foreign);
  EXPECT_TRUE(manifest->blobs[2].foreign);
  EXPECT_FALSE(manifest->blobs[3].foreign);
}

TEST(ManifestTest, SubjectAndArtifactTypeAreRead) {
  const absl::StatusOr<Manifest> manifest = Parse(R"({'schemaVersion': 2,
      'artifactType': 'application/vnd.example.signature',
      'config': {'mediaType': 'application/vnd.oci.empty.v1+json', 'digest': '$1', 'size': 2},
      'layers': [], 'subject': {'digest': '$2', 'size': 9}})");
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  ASSERT_TRUE(manifest->subject.has_value());
  EXPECT_EQ(manifest->subject->ToString(), HexDigest('2'));
  EXPECT_EQ(manifest->artifact_type, "application/vnd.example.signature");
}

TEST(ManifestTest, AnotherArtifactMayLeaveOutTheSchemaVersion) {
  const absl::StatusOr<Manifest> manifest =
      Parse("{'blobs': [{'digest': '$1', 'size': 3}], 'unknown': [1, 2.5, true, null]}",
            "application/vnd.example.artifact+json");
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_EQ(manifest->media_type, "application/vnd.example.artifact+json");
  EXPECT_THAT(manifest->blobs, SizeIs(1));
}

TEST(ManifestTest, TheBodysMediaTypeMustAgreeWithTheRequests) {
  const absl::Status status =
      Parse("{'schemaVersion': 2, 'mediaType': 'application/vnd.oci.image.index.v1+json'}",
            kMediaTypeImageManifest)
          .status();
  EXPECT_EQ(CodeOf(status), ErrorCode::kManifestInvalid);
  EXPECT_THAT(std::string(status.message()), HasSubstr("differs"));
}

struct Malformed {
  const char* json;
  // The text that the message must contain.
  const char* named;
};

TEST(ManifestTest, RefusesWhatIsMalformedAndNamesTheField) {
  const Malformed corpus[] = {
      {"", "not JSON"},
      {" ", "not JSON"},
      {"{", "not JSON"},
      {"{}}", "not JSON"},
      {"{'a': 1,}", "not JSON"},
      {"{'schemaVersion': 2} x", "not JSON"},
      {"{'schemaVersion': 0x2}", "not JSON"},
      {"[]", "object"},
      {"null", "object"},
      {"2", "object"},
      {"'text'", "object"},
      {"{}", "schemaVersion"},
      {"{'schemaVersion': 1}", "schemaVersion"},
      {"{'schemaVersion': '2'}", "schemaVersion"},
      {"{'schemaVersion': 2.5}", "schemaVersion"},
      {"{'schemaVersion': 99999999999999999999}", "schemaVersion"},
      {"{'schemaVersion': 2, 'mediaType': 7}", "mediaType"},
      {"{'schemaVersion': 2, 'config': 'x'}", "config"},
      {"{'schemaVersion': 2, 'config': {}}", "config"},
      {"{'schemaVersion': 2, 'config': {'digest': '$1'}}", "size"},
      {"{'schemaVersion': 2, 'config': {'digest': '$1', 'size': -1}}", "size"},
      {"{'schemaVersion': 2, 'config': {'digest': '$1', 'size': '1'}}", "size"},
      {"{'schemaVersion': 2, 'config': {'digest': '$1', 'size': 1e400}}", ""},
      {"{'schemaVersion': 2, 'config': {'digest': 'sha256:x', 'size': 1}}", "sha256:x"},
      {"{'schemaVersion': 2, 'config': {'digest': 7, 'size': 1}}", "digest"},
      {"{'schemaVersion': 2, 'layers': {}}", "layers"},
      {"{'schemaVersion': 2, 'layers': [{'digest': '$1', 'size': 1}, 3]}", "layers[1]"},
      {"{'schemaVersion': 2, 'layers': [{'digest': '$1', 'size': 1, 'mediaType': 1}]}",
       "mediaType"},
      {"{'schemaVersion': 2, 'manifests': [[]]}", "manifests[0]"},
      {"{'schemaVersion': 2, 'subject': []}", "subject"},
      {"{'schemaVersion': 2, 'subject': {'digest': '', 'size': 1}}", "subject"},
      {"{'schemaVersion': 2, 'artifactType': {}}", "artifactType"},
  };
  for (const Malformed& malformed : corpus) {
    const absl::Status status = Parse(malformed.json).status();
    EXPECT_EQ(CodeOf(status), ErrorCode::kManifestInvalid) << malformed.json << ": " << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(malformed.named)) << malformed.json;
  }
}

TEST(ManifestTest, RefusesWhatCouldBeAnImageOrAnIndex) {
  for (const char* both : {"'manifests': []", "'manifests': [], 'layers': []"}) {
    const std::string text = absl::StrCat("{'schemaVersion': 2, 'mediaType': '",
                                          kMediaTypeImageManifest, "', ", both, "}");
    EXPECT_FALSE(Parse(text).ok()) << text;
  }
  for (const char* both : {"'config': {}", "'layers': []"}) {
    const std::string text =
        absl::StrCat("{'schemaVersion': 2, 'mediaType': '", kMediaTypeImageIndex, "', ", both, "}");
    EXPECT_FALSE(Parse(text).ok()) << text;
  }
}

TEST(ManifestTest, RefusesInvalidMediaTypes) {
  for (const char* type : {"text", "/", "a/", "/b", "a b/c", "a/b c", "a/b/c", "a/b;c=d", "-/-"}) {
    EXPECT_FALSE(ParseManifest(type, "{}").ok()) << type;
  }
  EXPECT_TRUE(ParseManifest("application/vnd.example.thing.v1+json", "{}").ok());
}

TEST(ManifestTest, RefusesTextThatIsNotUtf8) {
  EXPECT_EQ(CodeOf(Parse("{'schemaVersion': 2, 'a': '\xff'}").status()),
            ErrorCode::kManifestInvalid);
  EXPECT_EQ(CodeOf(ParseManifest("", std::string("{\"a\"\0:1}", 8)).status()),
            ErrorCode::kManifestInvalid);
}

// An object with nested arrays, `levels` deep in total.
std::string Nested(int levels) {
  return absl::StrCat("{\"schemaVersion\": 2, \"a\": ", std::string(levels - 1, '['),
                      std::string(levels - 1, ']'), "}");
}

TEST(ManifestTest, JsonMayBe64LevelsDeep) {
  const absl::StatusOr<Manifest> manifest = Parse(Nested(64));
  EXPECT_TRUE(manifest.ok()) << manifest.status();
}

TEST(ManifestTest, JsonMustNotBe65LevelsDeep) {
  const absl::Status status = Parse(Nested(65)).status();
  EXPECT_EQ(CodeOf(status), ErrorCode::kManifestInvalid);
  EXPECT_THAT(std::string(status.message()), HasSubstr("deeper than 64"));
}

TEST(ManifestTest, AMillionBracketsDoNotOverflowTheStack) {
  EXPECT_FALSE(ParseManifest("", std::string(1'000'000, '[')).ok());
  EXPECT_FALSE(ParseManifest("", std::string(1'000'000, '{')).ok());
}

// Every prefix of a valid manifest, and the manifest with each byte changed: a result, never a
// crash.
TEST(ManifestTest, TruncatedAndDamagedManifestsAreAnswered) {
  const std::string good = Json(R"({'schemaVersion': 2, 'config': {'digest': '$1', 'size': 2},
      'layers': [{'digest': '$2', 'size': 3, 'urls': ['x']}], 'subject': {'digest': '$3', 'size': 1}})");
  ASSERT_TRUE(ParseManifest("", good).ok());
  for (size_t i = 0; i < good.size(); ++i) {
    EXPECT_FALSE(ParseManifest("", good.substr(0, i)).ok());
    for (const char replacement : {'\0', '"', '{', ']', '\xff', '9'}) {
      std::string damaged = good;
      damaged[i] = replacement;
      const absl::StatusOr<Manifest> manifest = ParseManifest("", damaged);
      if (manifest.ok()) continue;
      EXPECT_EQ(CodeOf(manifest.status()), ErrorCode::kManifestInvalid) << damaged;
    }
  }
}

}  // namespace
}  // namespace registry::oci
