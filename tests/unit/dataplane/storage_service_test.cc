// The unary calls of StorageService, and a whole upload.
#include "dataplane/storage_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "node_fixture.h"
#include "oci/error.h"

namespace registry::dataplane {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class StorageServiceTest : public NodeFixture {};

TEST_F(StorageServiceTest, GetNodeTellsWhoItIsAndWhereItsFilesAre) {
  const auto get = [this] {
    grpc::ClientContext context;
    v1::Node node;
    EXPECT_TRUE(stub_->GetNode(&context, v1::GetNodeRequest(), &node).ok());
    return node;
  };
  const v1::Node node = get();
  EXPECT_EQ(node.id(), node_->id());
  EXPECT_EQ(node.root(), std::filesystem::canonical(root_));
  EXPECT_TRUE(base::IsUuid(node.boot_id())) << node.boot_id();
  EXPECT_THAT(node.mount_namespace(), StartsWith("mnt:["));
  Restart();
  EXPECT_EQ(get().id(), node.id());
}

TEST_F(StorageServiceTest, WhatWasUploadedIsReadBack) {
  const std::string bytes = TestBytes(5'000'000);
  const std::string digest = DigestOf(bytes).ToString();
  const std::string incarnation = base::NewUuid7();
  EXPECT_EQ(*Write(incarnation, 0, bytes), 5'000'000);
  EXPECT_EQ(*Finish(incarnation, digest), 5'000'000);
  EXPECT_EQ(*Read(ReadRequestOf(incarnation, digest, 0, 5'000'000)), bytes);
}

TEST_F(StorageServiceTest, AnUploadResumesAfterARestart) {
  const std::string bytes = TestBytes(3'000'000);
  const std::string incarnation = base::NewUuid7();
  ASSERT_TRUE(Write(incarnation, 0, absl::string_view(bytes).substr(0, 1'234'567)).ok());
  Restart();
  EXPECT_EQ(Stat(incarnation)->size_bytes(), 1'234'567);
  EXPECT_EQ(*Write(incarnation, 1'234'567, absl::string_view(bytes).substr(1'234'567)), 3'000'000);
  const std::string digest = DigestOf(bytes).ToString();
  EXPECT_EQ(*Finish(incarnation, digest), 3'000'000);
  EXPECT_EQ(*Read(ReadRequestOf(incarnation, digest, 0, 3'000'000)), bytes);
}

TEST_F(StorageServiceTest, Sha512NamedOnlyAtTheEndWorks) {
  const std::string incarnation = base::NewUuid7();
  ASSERT_TRUE(Write(incarnation, 0, "foo").ok());
  const std::string digest = DigestOf("foo", oci::DigestAlgorithm::kSha512).ToString();
  EXPECT_EQ(*Finish(incarnation, digest), 3);
  EXPECT_EQ(*Read(ReadRequestOf(incarnation, digest, 0, 3)), "foo");
}

TEST_F(StorageServiceTest, FinishTwiceSucceedsAlsoAfterARestart) {
  const std::string incarnation = Store("foo");
  EXPECT_EQ(*Finish(incarnation, DigestOf("foo").ToString()), 3);
  Restart();
  EXPECT_EQ(*Finish(incarnation, DigestOf("foo").ToString()), 3);
  EXPECT_EQ(oci::CodeOf(Finish(incarnation, DigestOf("bar").ToString()).status()),
            oci::ErrorCode::kDigestInvalid);
}

TEST_F(StorageServiceTest, AWrongDigestNamesBothAndKeepsTheUpload) {
  const std::string incarnation = base::NewUuid7();
  ASSERT_TRUE(Write(incarnation, 0, "foo").ok());
  absl::Status status = Finish(incarnation, DigestOf("bar").ToString()).status();
  EXPECT_EQ(oci::CodeOf(status), oci::ErrorCode::kDigestInvalid);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(DigestOf("foo").ToString()), HasSubstr(DigestOf("bar").ToString())));
  EXPECT_EQ(oci::CodeOf(Finish(incarnation, "sha256:xyz").status()),
            oci::ErrorCode::kDigestInvalid);
  EXPECT_FALSE(Stat(incarnation)->finished());
  EXPECT_EQ(*Finish(incarnation, DigestOf("foo").ToString()), 3);
}

TEST_F(StorageServiceTest, NoBytesAreTheEmptyBlob) {
  const std::string incarnation = base::NewUuid7();
  EXPECT_EQ(*Finish(incarnation, DigestOf("").ToString()), 0);
  EXPECT_TRUE(Stat(incarnation)->finished());
  EXPECT_EQ(Stat(incarnation)->size_bytes(), 0);
}

TEST_F(StorageServiceTest, StatTellsUnfinishedFromFinishedFromNothing) {
  const std::string incarnation = base::NewUuid7();
  EXPECT_TRUE(absl::IsNotFound(Stat(incarnation).status()));
  ASSERT_TRUE(Write(incarnation, 0, "foo").ok());
  EXPECT_FALSE(Stat(incarnation)->finished());
  ASSERT_TRUE(Finish(incarnation, DigestOf("foo").ToString()).ok());
  for (const std::string& hint : {std::string(), DigestOf("foo").ToString()}) {
    EXPECT_TRUE(Stat(incarnation, hint)->finished());
    EXPECT_EQ(Stat(incarnation, hint)->size_bytes(), 3);
  }
}

TEST_F(StorageServiceTest, ListTellsWhatIsStoredPageByPage) {
  const auto list = [this](v1::IncarnationState state, const std::string& cursor,
                           v1::ListResponse& response) {
    grpc::ClientContext context;
    v1::ListRequest request;
    request.set_state(state);
    request.set_cursor(cursor);
    request.set_limit(1);
    return base::FromGrpcStatus(stub_->List(&context, request, &response));
  };
  const std::string unfinished = base::NewUuid7();
  ASSERT_TRUE(Write(unfinished, 0, "half").ok());
  const std::string finished = Store("foo");
  v1::ListResponse page;
  ASSERT_TRUE(list(v1::INCARNATION_STATE_FINISHED, "", page).ok());
  ASSERT_EQ(page.incarnations_size(), 1);
  EXPECT_EQ(page.incarnations(0).incarnation(), finished);
  EXPECT_EQ(page.incarnations(0).digest(), DigestOf("foo").ToString());
  EXPECT_EQ(page.incarnations(0).size_bytes(), 3);
  page.Clear();
  ASSERT_TRUE(list(v1::INCARNATION_STATE_UNFINISHED, "", page).ok());
  ASSERT_EQ(page.incarnations_size(), 1);
  EXPECT_EQ(page.incarnations(0).incarnation(), unfinished);
  EXPECT_EQ(page.incarnations(0).digest(), "");
  EXPECT_EQ(page.incarnations(0).size_bytes(), 4);
  const std::string next = page.next();
  ASSERT_FALSE(next.empty());
  page.Clear();
  ASSERT_TRUE(list(v1::INCARNATION_STATE_UNFINISHED, next, page).ok());
  EXPECT_EQ(page.incarnations_size(), 0);
  EXPECT_EQ(page.next(), "");
  for (const auto& [state, cursor] : {std::pair{v1::INCARNATION_STATE_UNSPECIFIED, ""},
                                      std::pair{v1::INCARNATION_STATE_UNFINISHED, "no cursor"}}) {
    EXPECT_EQ(list(state, cursor, page).code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST_F(StorageServiceTest, DeleteIsRepeatableFinishedOrNotWithAHintOrWithout) {
  const std::string hint = DigestOf("foo").ToString();
  for (const std::string& digest : {std::string(), hint, DigestOf("bar").ToString()}) {
    const std::string unfinished = base::NewUuid7();
    ASSERT_TRUE(Write(unfinished, 0, "foo").ok());
    for (const std::string& incarnation : {unfinished, Store("foo"), base::NewUuid7()}) {
      EXPECT_TRUE(Delete(incarnation, digest).ok());
      EXPECT_TRUE(absl::IsNotFound(Stat(incarnation).status()));
      EXPECT_TRUE(absl::IsNotFound(Read(ReadRequestOf(incarnation, hint, 0, 3)).status()));
      EXPECT_TRUE(Delete(incarnation, digest).ok());
    }
  }
}

TEST_F(StorageServiceTest, AnIncarnationThatIsNoUuidIsRefusedByEveryCall) {
  WriteFile(root_ + "/x", "secret");
  for (const std::string& bad : {std::string("../x"), std::string(), std::string("x")}) {
    EXPECT_EQ(Write(bad, 0, "foo").status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(Finish(bad, DigestOf("").ToString()).status().code(),
              absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(Stat(bad).status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(Delete(bad).code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(Read(ReadRequestOf(bad, DigestOf("").ToString(), 0, 1)).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(ReadFile(root_ + "/x"), "secret");
}

TEST(StorageNodeTest, OpeningWhatIsNotAFolderNamesIt) {
  TempFolder temp;
  WriteFile(temp.path() + "/file", "");
  StorageNodeOptions options;
  options.root = temp.path() + "/file";
  EXPECT_THAT(std::string(StorageNode::Open(options).status().message()), HasSubstr(options.root));
}

}  // namespace
}  // namespace registry::dataplane
