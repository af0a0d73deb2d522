// A database in its own folder, a clock that stands still, and helpers to fill it.
#ifndef REGISTRY_TESTS_UNIT_CONTROLPLANE_METADATA_FIXTURE_H_
#define REGISTRY_TESTS_UNIT_CONTROLPLANE_METADATA_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/hash.h"
#include "controlplane/clock.h"
#include "controlplane/metadata/blobs.h"
#include "controlplane/metadata/manifests.h"
#include "controlplane/metadata/repositories.h"
#include "controlplane/metadata/uploads.h"
#include "controlplane/sql/database.h"
#include "controlplane/storage/trash.h"
#include "oci/error.h"
#include "tests/unit/controlplane/sql/test_database.h"

namespace registry::controlplane {

inline oci::RepositoryName Repo(absl::string_view name) {
  return *oci::RepositoryName::Parse(name);
}

inline oci::Digest DigestOf(absl::string_view content,
                            oci::DigestAlgorithm algorithm = oci::DigestAlgorithm::kSha256) {
  base::Hasher hasher(oci::DigestAlgorithmName(algorithm).data());
  hasher.Update(content);
  return oci::Digest::FromHash(algorithm, hasher.Finish());
}

inline oci::Reference Ref(absl::string_view text) { return *oci::ParseReference(text); }

template <class Result>
std::optional<oci::ErrorCode> ErrorOf(const Result& result) {
  return oci::CodeOf(internal::StatusOf(result));
}

inline std::string DescriptorJson(absl::string_view media_type, const oci::Digest& digest,
                                  absl::string_view more = "") {
  return absl::StrCat(R"({"mediaType":")", media_type, R"(","digest":")", digest.ToString(),
                      R"(","size":1)", more, "}");
}

inline constexpr absl::string_view kImage = "application/vnd.oci.image.manifest.v1+json";
inline constexpr absl::string_view kIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr absl::string_view kConfig = "application/vnd.oci.image.config.v1+json";
inline constexpr absl::string_view kLayer = "application/vnd.oci.image.layer.v1.tar+gzip";

inline std::string ImageJson(const oci::Digest& config, const std::vector<std::string>& layers,
                             absl::string_view more = "") {
  return absl::StrCat(R"({"schemaVersion":2,"mediaType":")", kImage, R"(","config":)",
                      DescriptorJson(kConfig, config), R"(,"layers":[)", absl::StrJoin(layers, ","),
                      "]", more, "}");
}

inline std::string IndexJson(const std::vector<std::string>& manifests) {
  return absl::StrCat(R"({"schemaVersion":2,"mediaType":")", kIndex, R"(","manifests":[)",
                      absl::StrJoin(manifests, ","), "]}");
}

class MetadataTest : public testing::Test {
 protected:
  MetadataTest() : folder_(test_database_.folder()), database_(test_database_.Open()) {}

  std::string Begin(absl::string_view repository) {
    return BeginUpload(*database_, Repo(repository), oci::DigestAlgorithm::kSha256, "alice",
                       {"node-1"}, now_ms_)
        ->id;
  }

  UploadCommit CommitOf(absl::string_view repository, const std::string& id,
                        absl::string_view content) {
    return {.repository = Repo(repository),
            .upload_id = id,
            .digest = DigestOf(content),
            .size_bytes = static_cast<int64_t>(content.size()),
            .durable_nodes = {"node-1"}};
  }

  // Uploads and links a new blob.
  oci::Digest PushBlob(absl::string_view repository, absl::string_view content) {
    const UploadCommit commit = CommitOf(repository, Begin(repository), content);
    const absl::Status status = CommitUpload(*database_, commit, now_ms_);
    EXPECT_TRUE(status.ok()) << status;
    return commit.digest;
  }

  absl::StatusOr<PushedManifest> Push(const ManifestPush& push) {
    const absl::StatusOr<CheckedPush> checked = CheckPush(push);
    if (!checked.ok()) return checked.status();
    return PutManifest(*database_, push, *checked, now_ms_);
  }

  absl::StatusOr<PushedManifest> Push(absl::string_view repository, absl::string_view reference,
                                      absl::string_view content,
                                      absl::string_view media_type = "") {
    return Push({.repository = Repo(repository),
                 .reference = Ref(reference),
                 .media_type = std::string(media_type),
                 .content = content,
                 .principal = "alice"});
  }

  // An image without layers, with its own config.
  oci::Digest PushImage(absl::string_view repository, absl::string_view reference,
                        absl::string_view config_content, absl::string_view more = "") {
    const std::string image = ImageJson(PushBlob(repository, config_content), {}, more);
    const absl::StatusOr<PushedManifest> pushed = Push(repository, reference, image);
    EXPECT_TRUE(pushed.ok()) << pushed.status();
    return pushed->digest;
  }

  // The first column of the first row.
  int64_t Number(absl::string_view sql) {
    return *RunTransaction(*database_, TransactionMode::kRead,
                           [&](Transaction& t) -> absl::StatusOr<int64_t> {
                             return t
                                 .QueryFirst(absl::StrCat("/* test */ ", sql), {},
                                             [](const Row& row) { return row.Int(0); })
                                 .value_or(-1);
                           });
  }

  // The first column, which is text.
  std::vector<std::string> Texts(absl::string_view sql) {
    std::vector<std::string> texts;
    const absl::Status status =
        RunTransaction(*database_, TransactionMode::kRead, [&](Transaction& t) {
          texts.clear();
          t.Query(absl::StrCat("/* test */ ", sql), {},
                  [&](const Row& row) { texts.emplace_back(row.Text(0)); });
          return absl::OkStatus();
        });
    EXPECT_TRUE(status.ok()) << status;
    return texts;
  }

  void Run(absl::string_view sql) {
    const absl::Status status =
        RunTransaction(*database_, TransactionMode::kWrite, [&](Transaction& t) {
          t.Execute(absl::StrCat("/* test */ ", sql));
          return absl::OkStatus();
        });
    EXPECT_TRUE(status.ok()) << status;
  }

  TestDatabase test_database_;
  const std::string folder_;
  std::unique_ptr<Database> database_;
  int64_t now_ms_ = 1'700'000'000'000;
};

inline constexpr int64_t kMinuteMs = 60'000;
inline constexpr int64_t kHourMs = 60 * kMinuteMs;

}  // namespace registry::controlplane

#endif  // REGISTRY_TESTS_UNIT_CONTROLPLANE_METADATA_FIXTURE_H_
