#include "controlplane/metadata/manifests.h"

#include "base/limits.h"
#include "tests/unit/controlplane/metadata/fixture.h"

namespace registry::controlplane {
namespace {

using oci::ErrorCode;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

class ManifestsTest : public MetadataTest {
 protected:
  absl::StatusOr<StoredManifest> Get(absl::string_view repository, absl::string_view reference,
                                     ManifestUse use = ManifestUse::kGet) {
    return GetManifest(*database_, Repo(repository), Ref(reference), use);
  }
  absl::Status Delete(absl::string_view repository, absl::string_view reference) {
    return DeleteManifest(*database_, Repo(repository), Ref(reference), {}, "bob", now_ms_);
  }
};

TEST_F(ManifestsTest, AManifestIsFoundByTagAndDigestWithItsExactBytes) {
  const std::string content = absl::StrCat(
      "  ", ImageJson(PushBlob("a", "config"), {DescriptorJson(kLayer, PushBlob("a", "layer"))}),
      "\n");
  const auto pushed = Push("a", "latest", content, kImage);
  ASSERT_TRUE(pushed.ok()) << pushed.status();
  EXPECT_EQ(pushed->digest, DigestOf(content));
  EXPECT_FALSE(pushed->subject.has_value());
  for (const std::string& reference : {std::string("latest"), pushed->digest.ToString()}) {
    const auto manifest = Get("a", reference);
    ASSERT_TRUE(manifest.ok()) << manifest.status();
    EXPECT_EQ(manifest->content, content);
    EXPECT_EQ(manifest->digest, pushed->digest);
    EXPECT_EQ(manifest->media_type, kImage);
    EXPECT_EQ(manifest->size_bytes, static_cast<int64_t>(content.size()));
  }
  const auto head = Get("a", "latest", ManifestUse::kHead);
  ASSERT_TRUE(head.ok()) << head.status();
  EXPECT_EQ(head->content, "");
  EXPECT_EQ(head->size_bytes, static_cast<int64_t>(content.size()));
  EXPECT_THAT(Texts("SELECT blob FROM manifest_blobs"),
              UnorderedElementsAre(DigestOf("config").ToString(), DigestOf("layer").ToString()));
}

TEST_F(ManifestsTest, UnknownRepositoriesAndManifestsHaveDifferentErrors) {
  const oci::Digest digest = PushImage("a", "latest", "config");
  PushBlob("b", "x");
  EXPECT_EQ(ErrorOf(Get("c", "latest")), ErrorCode::kNameUnknown);
  EXPECT_EQ(ErrorOf(Delete("c", "latest")), ErrorCode::kNameUnknown);
  EXPECT_EQ(ErrorOf(Get("b", "latest")), ErrorCode::kManifestUnknown);
  EXPECT_EQ(ErrorOf(Get("b", digest.ToString())), ErrorCode::kManifestUnknown);
  const absl::Status status = Get("a", "v2").status();
  EXPECT_EQ(ErrorOf(status), ErrorCode::kManifestUnknown);
  EXPECT_THAT(status.message(), HasSubstr("\"v2\""));
  EXPECT_THAT(status.message(), HasSubstr("\"a\""));
}

TEST_F(ManifestsTest, PushingBySha512StoresUnderThatDigest) {
  const std::string content = ImageJson(PushBlob("a", "config"), {});
  const oci::Digest sha512 = DigestOf(content, oci::DigestAlgorithm::kSha512);
  ASSERT_TRUE(Push("a", sha512.ToString(), content).ok());
  EXPECT_EQ(Get("a", sha512.ToString())->content, content);
  EXPECT_EQ(ErrorOf(Get("a", DigestOf(content).ToString())), ErrorCode::kManifestUnknown);
}

TEST_F(ManifestsTest, AnotherDigestThanTheContentsIsRefused) {
  const std::string content = ImageJson(PushBlob("a", "config"), {});
  const auto pushed = Push("a", DigestOf("other").ToString(), content);
  EXPECT_EQ(ErrorOf(pushed), ErrorCode::kDigestInvalid);
  EXPECT_THAT(pushed.status().message(), HasSubstr(DigestOf(content).ToString()));
}

TEST_F(ManifestsTest, InvalidManifestsAreRefused) {
  EXPECT_EQ(ErrorOf(Push("a", "latest", "{")), ErrorCode::kManifestInvalid);
  EXPECT_EQ(ErrorOf(Push("a", "latest", "")), ErrorCode::kManifestInvalid);
  const std::string with_nul =
      ImageJson(PushBlob("a", "config"), {}, R"(,"artifactType":"a\u0000b")");
  EXPECT_EQ(ErrorOf(Push("a", "latest", with_nul)), ErrorCode::kManifestInvalid);
  EXPECT_EQ(ErrorOf(Push("a", "latest", std::string(base::kMaxManifestBytes + 1, ' '))),
            ErrorCode::kManifestTooLarge);
}

TEST_F(ManifestsTest, TheLargestManifestIsAccepted) {
  std::string content = ImageJson(PushBlob("a", "config"), {});
  content.resize(base::kMaxManifestBytes, ' ');
  ASSERT_TRUE(Push("a", "latest", content).ok());
  EXPECT_EQ(Get("a", "latest")->content.size(), base::kMaxManifestBytes);
}

TEST_F(ManifestsTest, EachMissingBlobIsNamedAndNothingIsStored) {
  PushBlob("b", "layer");  // linked elsewhere only
  const std::string content =
      ImageJson(DigestOf("config"), {DescriptorJson(kLayer, DigestOf("layer"))});
  const auto pushed = Push("a", "latest", content);
  EXPECT_EQ(ErrorOf(pushed), ErrorCode::kManifestBlobUnknown);
  EXPECT_THAT(pushed.status().message(), HasSubstr(DigestOf("config").ToString()));
  EXPECT_THAT(pushed.status().message(), HasSubstr(DigestOf("layer").ToString()));
  EXPECT_EQ(ErrorOf(Get("a", "latest")), ErrorCode::kNameUnknown);
}

TEST_F(ManifestsTest, OfManyMissingBlobsTheFirstAreNamedAndTheOthersCounted) {
  std::vector<std::string> layers;
  for (int i = 0; i < 100; ++i) {
    layers.push_back(DescriptorJson(kLayer, DigestOf(absl::StrCat(i))));
  }
  const auto pushed = Push("a", "latest", ImageJson(PushBlob("a", "config"), layers));
  EXPECT_EQ(ErrorOf(pushed), ErrorCode::kManifestBlobUnknown);
  EXPECT_THAT(pushed.status().message(), HasSubstr("and 80 more"));
  EXPECT_LT(pushed.status().message().size(), 3000u);
}

TEST_F(ManifestsTest, SuspectBlobsAreMissing) {
  const std::string content = ImageJson(PushBlob("a", "config"), {});
  Run("UPDATE blobs SET state = 'suspect'");
  EXPECT_EQ(ErrorOf(Push("a", "latest", content)), ErrorCode::kManifestBlobUnknown);
}

TEST_F(ManifestsTest, ForeignLayersNeedNotBeHere) {
  const std::string content =
      ImageJson(PushBlob("a", "config"),
                {DescriptorJson("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
                                DigestOf("windows"), R"(,"urls":["https://example.com/x"])")});
  EXPECT_TRUE(Push("a", "latest", content).ok());
}

TEST_F(ManifestsTest, AnIndexNeedsItsChildren) {
  const oci::Digest amd64 = PushImage("a", "amd64", "c1");
  const oci::Digest arm64 = PushImage("b", "arm64", "c2");
  const std::string index =
      IndexJson({DescriptorJson(kImage, amd64), DescriptorJson(kImage, arm64)});
  const auto pushed = Push("a", "latest", index);
  EXPECT_EQ(ErrorOf(pushed), ErrorCode::kManifestBlobUnknown);
  EXPECT_THAT(pushed.status().message(), HasSubstr(arm64.ToString()));
  EXPECT_THAT(pushed.status().message(), Not(HasSubstr(amd64.ToString())));
}

TEST_F(ManifestsTest, AnIndexWithItsChildrenIsStored) {
  const oci::Digest first = PushImage("a", "first", "c1");
  const oci::Digest second = PushImage("a", "second", "c2");
  ASSERT_TRUE(Push("a", "latest",
                   IndexJson({DescriptorJson(kImage, first), DescriptorJson(kImage, second),
                              DescriptorJson(kImage, first)}))
                  .ok());
  EXPECT_THAT(Texts("SELECT child FROM manifest_children"),
              UnorderedElementsAre(first.ToString(), second.ToString()));
  EXPECT_TRUE(Push("a", "empty", IndexJson({})).ok());
  EXPECT_TRUE(
      Push("a", "nested", IndexJson({DescriptorJson(kIndex, DigestOf(IndexJson({})))})).ok());
}

TEST_F(ManifestsTest, AnIndexOfBuildKitsCacheReferencesBlobs) {
  const oci::Digest layer = PushBlob("a", "layer");
  const oci::Digest config = PushBlob("a", "config");
  ASSERT_TRUE(Push("a", "cache",
                   IndexJson({DescriptorJson(kLayer, layer),
                              DescriptorJson("application/vnd.buildkit.cacheconfig.v0", config)}))
                  .ok());
  EXPECT_THAT(Texts("SELECT blob FROM manifest_blobs"),
              UnorderedElementsAre(layer.ToString(), config.ToString()));
  EXPECT_THAT(Texts("SELECT child FROM manifest_children"), IsEmpty());
}

TEST_F(ManifestsTest, AMissingSubjectIsAcceptedAndReported) {
  const oci::Digest subject = DigestOf("a manifest that is not here");
  const std::string content =
      ImageJson(PushBlob("a", "config"), {},
                absl::StrCat(R"(,"artifactType":"application/x","subject":)",
                             DescriptorJson(kImage, subject)));
  const auto pushed = Push("a", DigestOf(content).ToString(), content);
  ASSERT_TRUE(pushed.ok()) << pushed.status();
  EXPECT_EQ(pushed->subject, subject);
  EXPECT_THAT(Texts("SELECT subject FROM manifests"), ElementsAre(subject.ToString()));
  EXPECT_THAT(Texts("SELECT artifact_type FROM manifests"), ElementsAre("application/x"));
}

TEST_F(ManifestsTest, PushingTheSameAgainChangesNothing) {
  const std::string content = ImageJson(PushBlob("a", "config"), {});
  ASSERT_TRUE(Push("a", "latest", content).ok());
  now_ms_ += kMinuteMs;
  const auto again = Push("a", "latest", content);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->digest, DigestOf(content));
  EXPECT_EQ(Number("SELECT count(*) FROM tag_history"), 1);
  EXPECT_EQ(Number("SELECT count(*) FROM manifests"), 1);
  EXPECT_EQ(Number("SELECT touched_at_ms FROM manifests"), now_ms_ - kMinuteMs);
  EXPECT_EQ(Number("SELECT updated_at_ms FROM tags"), now_ms_ - kMinuteMs);
}

TEST_F(ManifestsTest, PushingTouchesTheManifestAndWhatItReferences) {
  const std::string content = ImageJson(PushBlob("a", "config"), {});
  ASSERT_TRUE(Push("a", "latest", content).ok());
  now_ms_ += 2 * kHourMs;
  ASSERT_TRUE(Push("a", "latest", content).ok());
  EXPECT_EQ(Number("SELECT touched_at_ms FROM manifests"), now_ms_);
  EXPECT_EQ(Number("SELECT touched_at_ms FROM blobs"), now_ms_);
  now_ms_ += 2 * kHourMs;
  ASSERT_TRUE(Push("a", "index", IndexJson({DescriptorJson(kImage, DigestOf(content))})).ok());
  EXPECT_EQ(Number("SELECT min(touched_at_ms) FROM manifests"), now_ms_);
}

TEST_F(ManifestsTest, ManyReferencesAreFoundTouchedAndRecorded) {
  constexpr size_t kLayers = 2 * base::kSqlBatch + 7;
  const oci::Digest config = PushBlob("a", "config");
  std::vector<std::string> layers;
  for (size_t i = 0; i < kLayers; ++i) {
    const std::string digest = DigestOf(absl::StrCat("layer ", i)).ToString();
    layers.push_back(DescriptorJson(kLayer, DigestOf(absl::StrCat("layer ", i))));
    Run(absl::StrCat("INSERT INTO blobs VALUES ('", digest, "', '", i, "', 1, 'live', ", now_ms_,
                     ")"));
    Run(absl::StrCat("INSERT INTO repository_blobs VALUES (1, '", digest, "')"));
  }
  now_ms_ += 2 * kHourMs;
  const auto pushed = Push("a", "latest", ImageJson(config, layers));
  ASSERT_TRUE(pushed.ok()) << pushed.status();
  EXPECT_EQ(Number("SELECT count(*) FROM manifest_blobs"), static_cast<int64_t>(kLayers) + 1);
  EXPECT_EQ(Number("SELECT min(touched_at_ms) FROM blobs"), now_ms_);
  // Each is looked up, wherever it stands.
  layers.insert(layers.begin() + kLayers / 2, DescriptorJson(kLayer, DigestOf("nothing")));
  const auto refused = Push("a", "latest", ImageJson(config, layers));
  EXPECT_EQ(ErrorOf(refused), ErrorCode::kManifestBlobUnknown);
  EXPECT_THAT(refused.status().message(), HasSubstr(DigestOf("nothing").ToString()));
}

TEST_F(ManifestsTest, ManyChildrenMayBeManifestsOrBlobs) {
  constexpr size_t kChildren = base::kSqlBatch + 3;
  std::vector<std::string> children;
  for (size_t i = 0; i < kChildren; ++i) {
    const std::string content = absl::StrCat("child ", i);
    if (i % 2 == 0) {
      children.push_back(DescriptorJson(kLayer, PushBlob("a", content)));
    } else {
      children.push_back(DescriptorJson(kImage, PushImage("a", absl::StrCat("tag-", i), content)));
    }
  }
  const auto pushed = Push("a", "index", IndexJson(children));
  ASSERT_TRUE(pushed.ok()) << pushed.status();
  EXPECT_EQ(Number(absl::StrCat("SELECT count(*) FROM manifest_children WHERE manifest = '",
                                pushed->digest.ToString(), "'")),
            static_cast<int64_t>(kChildren / 2));
  EXPECT_EQ(Number(absl::StrCat("SELECT count(*) FROM manifest_blobs WHERE manifest = '",
                                pushed->digest.ToString(), "'")),
            static_cast<int64_t>(kChildren - kChildren / 2));
}

TEST_F(ManifestsTest, MoreDescriptorsThanTheLimitAreRefusedWithTheirNumber) {
  const std::string child = DescriptorJson(kImage, DigestOf("child"));
  std::vector<std::string> children(base::kMaxManifestDescriptors, child);
  // At the limit the content decides.
  EXPECT_EQ(ErrorOf(Push("a", "latest", IndexJson(children))), ErrorCode::kManifestBlobUnknown);
  children.push_back(child);
  const auto refused = Push("a", "latest", IndexJson(children));
  EXPECT_EQ(ErrorOf(refused), ErrorCode::kManifestTooLarge);
  EXPECT_THAT(refused.status().message(), HasSubstr("10001 descriptors; at most 10000"));
}

TEST_F(ManifestsTest, HeadSaysWhenAManifestWasTouchedAndWhetherATagKeepsIt) {
  const oci::Digest digest = PushImage("a", "latest", "config");
  for (const std::string& reference : {std::string("latest"), digest.ToString()}) {
    const auto head = Get("a", reference, ManifestUse::kHead);
    EXPECT_EQ(head->touched_at_ms, now_ms_);
    EXPECT_TRUE(head->tagged) << reference;
  }
  ASSERT_TRUE(Delete("a", "latest").ok());
  EXPECT_FALSE(Get("a", digest.ToString(), ManifestUse::kHead)->tagged);
}

TEST_F(ManifestsTest, ATagMovesAndItsHistoryTellsWhoMovedIt) {
  const oci::Digest first = PushImage("a", "latest", "one");
  const oci::Digest second = PushImage("a", "latest", "two");
  EXPECT_EQ(Get("a", "latest")->digest, second);
  EXPECT_TRUE(Get("a", first.ToString()).ok());
  ASSERT_TRUE(Delete("a", "latest").ok());
  EXPECT_THAT(Texts("SELECT principal || ' ' || tag || ' ' || coalesce(digest, 'deleted') "
                    "FROM tag_history ORDER BY id"),
              ElementsAre(absl::StrCat("alice latest ", first.ToString()),
                          absl::StrCat("alice latest ", second.ToString()), "bob latest deleted"));
}

TEST_F(ManifestsTest, DeletingATagLeavesTheManifest) {
  const oci::Digest digest = PushImage("a", "latest", "config");
  ASSERT_TRUE(Delete("a", "latest").ok());
  EXPECT_EQ(ErrorOf(Get("a", "latest")), ErrorCode::kManifestUnknown);
  EXPECT_TRUE(Get("a", digest.ToString()).ok());
  EXPECT_EQ(ErrorOf(Delete("a", "latest")), ErrorCode::kManifestUnknown);
}

TEST_F(ManifestsTest, DeletingByDigestTakesAllTagsAndReferences) {
  const oci::Digest digest = PushImage("a", "latest", "config");
  PushImage("a", "v1", "config-of-another");
  ASSERT_TRUE(Push("a", "also", Get("a", "latest")->content).ok());
  ASSERT_TRUE(Delete("a", digest.ToString()).ok());
  EXPECT_EQ(ErrorOf(Get("a", digest.ToString())), ErrorCode::kManifestUnknown);
  EXPECT_EQ(ErrorOf(Get("a", "latest")), ErrorCode::kManifestUnknown);
  EXPECT_EQ(ErrorOf(Delete("a", digest.ToString())), ErrorCode::kManifestUnknown);
  EXPECT_THAT(Texts("SELECT name FROM tags"), ElementsAre("v1"));
  EXPECT_EQ(Number("SELECT count(*) FROM manifest_blobs"), 1);
  EXPECT_EQ(Number("SELECT count(*) FROM manifest_bytes"), 1);
  EXPECT_EQ(Number("SELECT count(*) FROM tag_history WHERE digest IS NULL"), 2);
  EXPECT_EQ(Number("SELECT count(*) FROM blobs"), 2);  // bytes are left to collection
}

TEST_F(ManifestsTest, TheBytesStayWhileAnotherRepositoryHasThem) {
  const oci::Digest digest = PushImage("a", "latest", "config");
  ASSERT_TRUE(*MountBlob(*database_, Repo("b"), Repo("a"), DigestOf("config"), now_ms_));
  ASSERT_TRUE(Push("b", "latest", Get("a", "latest")->content).ok());
  EXPECT_EQ(Number("SELECT count(*) FROM manifest_bytes"), 1);
  ASSERT_TRUE(Delete("a", digest.ToString()).ok());
  EXPECT_TRUE(Get("b", "latest").ok());
  ASSERT_TRUE(Delete("b", digest.ToString()).ok());
  EXPECT_EQ(Number("SELECT count(*) FROM manifest_bytes"), 0);
}

TEST_F(ManifestsTest, DamagedBytesAreNotServed) {
  PushImage("a", "latest", "config");
  ASSERT_TRUE(RunTransaction(*database_, TransactionMode::kWrite, [](Transaction& t) {
                t.Execute("/* test */ UPDATE manifest_bytes SET content = ?1",
                          {Value::Bytes{"{}"}});
                return absl::OkStatus();
              }).ok());
  EXPECT_EQ(Get("a", "latest").status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace registry::controlplane
