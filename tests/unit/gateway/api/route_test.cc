#include "gateway/api/route.h"

#include <gtest/gtest.h>

#include "oci/error.h"

namespace registry::gateway {
namespace {

void ExpectRoute(absl::string_view path, Resource resource, absl::string_view repository,
                 absl::string_view reference) {
  const absl::StatusOr<Route> route = ParseRoute(path);
  ASSERT_TRUE(route.ok()) << path << ": " << route.status();
  EXPECT_EQ(static_cast<int>(route->resource), static_cast<int>(resource)) << path;
  EXPECT_EQ(route->repository, repository) << path;
  EXPECT_EQ(route->reference, reference) << path;
}

TEST(RouteTest, FindsEveryResource) {
  ExpectRoute("/v2/", Resource::kVersion, "", "");
  ExpectRoute("/v2", Resource::kVersion, "", "");
  ExpectRoute("/token", Resource::kToken, "", "");
  ExpectRoute("/healthz", Resource::kHealth, "", "");
  ExpectRoute("/readyz", Resource::kReadiness, "", "");
  ExpectRoute("/v2/_catalog", Resource::kCatalog, "", "");
  ExpectRoute("/v2/a/tags/list", Resource::kTags, "a", "");
  ExpectRoute("/v2/a/referrers/sha256:ab", Resource::kReferrers, "a", "sha256:ab");
  ExpectRoute("/v2/a/b/manifests/v1", Resource::kManifest, "a/b", "v1");
  ExpectRoute("/v2/a/blobs/sha256:ab", Resource::kBlob, "a", "sha256:ab");
  ExpectRoute("/v2/a/blobs/uploads/", Resource::kUploads, "a", "");
  ExpectRoute("/v2/a/blobs/uploads", Resource::kUploads, "a", "");
  ExpectRoute("/v2/a/blobs/uploads/x", Resource::kUpload, "a", "x");
}

TEST(RouteTest, NamesMayHoldTheWordsOfRoutes) {
  ExpectRoute("/v2/blobs/uploads/manifests/v1", Resource::kManifest, "blobs/uploads", "v1");
  ExpectRoute("/v2/a/tags/list/tags/list", Resource::kTags, "a/tags/list", "");
  ExpectRoute("/v2/manifests/blobs/uploads/", Resource::kUploads, "manifests", "");
}

TEST(RouteTest, EscapesAreDecodedOnce) {
  ExpectRoute("/v2/a/blobs/sha256%3Aab", Resource::kBlob, "a", "sha256:ab");
  ExpectRoute("/v2/a/blobs/sha256%253Aab", Resource::kBlob, "a", "sha256%3Aab");
}

TEST(RouteTest, PathTricksNeverReachAnotherRepository) {
  for (const char* path :
       {"/v2/a/../b/manifests/v1", "/v2/a//b/manifests/v1", "/v2/a%2fb/manifests/v1",
        "/v2/a%2Fb/manifests/v1", "/v2//manifests/v1", "/v2/A/manifests/v1", "/v2/./a/manifests/v1",
        "/v2/a%00/manifests/v1", "/v2/%2e%2e/a/manifests/v1"}) {
    const absl::StatusOr<Route> route = ParseRoute(path);
    ASSERT_FALSE(route.ok()) << path;
    EXPECT_EQ(oci::CodeOf(route.status()), oci::ErrorCode::kNameInvalid) << path;
  }
}

TEST(RouteTest, UnknownPathsAreUnknown) {
  for (const char* path : {"/", "/v1/", "/v2/a", "/v2/a/b", "/v2x", "", "*", "/v2/a/tags"}) {
    ExpectRoute(path, Resource::kUnknown, "", "");
  }
}

TEST(RouteTest, AsksForTheRightThatTheTableOfActionsNames) {
  const auto action = [](absl::string_view path, absl::string_view method) {
    return RequiredActions(*ParseRoute(path), method).at(0);
  };
  EXPECT_EQ(action("/v2/a/blobs/uploads/x", "DELETE").verb(), v1::VERB_POST);
  EXPECT_EQ(action("/v2/a/blobs/uploads/x", "GET").verb(), v1::VERB_POST);
  EXPECT_EQ(action("/v2/a/blobs/uploads/x", "PATCH").verb(), v1::VERB_PATCH);
  EXPECT_EQ(action("/v2/a/blobs/sha256:ab", "DELETE").verb(), v1::VERB_DELETE);
  EXPECT_EQ(action("/v2/a/manifests/v1", "PUT").tag(), "v1");
  EXPECT_EQ(action("/v2/a/manifests/sha256:ab", "PUT").tag(), "");
  EXPECT_EQ(action("/v2/a/tags/list", "GET").resource(), v1::RESOURCE_TAGS);
  EXPECT_EQ(action("/v2/a/referrers/sha256:ab", "GET").resource(), v1::RESOURCE_MANIFESTS);
  EXPECT_EQ(action("/v2/a/referrers/sha256:ab", "GET").tag(), "");
  EXPECT_EQ(action("/v2/_catalog", "GET").resource(), v1::RESOURCE_CATALOG);
  EXPECT_TRUE(RequiredActions(*ParseRoute("/v2/"), "GET").empty());
}

// A role names GET for these; HEAD is a verb of its own for manifests alone.
TEST(RouteTest, HeadAsksAsGetButForManifests) {
  for (const char* path :
       {"/v2/a/blobs/sha256:ab", "/v2/a/referrers/sha256:ab", "/v2/a/tags/list", "/v2/_catalog"}) {
    EXPECT_EQ(RequiredActions(*ParseRoute(path), "HEAD").at(0).verb(), v1::VERB_GET) << path;
  }
  for (const char* path : {"/v2/a/manifests/v1", "/v2/a/manifests/sha256:ab"}) {
    EXPECT_EQ(RequiredActions(*ParseRoute(path), "HEAD").at(0).verb(), v1::VERB_HEAD) << path;
  }
}

TEST(RouteTest, APushByDigestAsksForEachTagThatItSets) {
  const std::vector<v1::Action> actions =
      RequiredActions(*ParseRoute("/v2/a/manifests/sha256:ab"), "PUT", {"v1", "v2"});
  ASSERT_EQ(actions.size(), 3u);
  EXPECT_EQ(actions[0].tag(), "");
  EXPECT_EQ(actions[1].tag(), "v1");
  EXPECT_EQ(actions[2].tag(), "v2");
}

}  // namespace
}  // namespace registry::gateway
