#include "gateway/api/route.h"

#include <gtest/gtest.h>

#include <optional>

#include "oci/error.h"

namespace registry::gateway {
namespace {

void ExpectRoute(absl::string_view path, absl::string_view pattern, absl::string_view repository,
                 absl::string_view reference) {
  const absl::StatusOr<Route> route = ParseRoute(path);
  ASSERT_TRUE(route.ok()) << path << ": " << route.status();
  EXPECT_EQ(route->pattern, pattern) << path;
  EXPECT_EQ(route->repository, repository) << path;
  EXPECT_EQ(route->reference, reference) << path;
}

std::vector<v1::Action> Actions(absl::string_view path, absl::string_view method,
                                const std::vector<std::string>& tags = {}) {
  const Route route = *ParseRoute(path);
  return RequiredActions(*FindEndpoint(route, method), route, tags);
}

TEST(RouteTest, FindsEveryResource) {
  ExpectRoute("/v2/", "/v2/", "", "");
  ExpectRoute("/v2", "/v2/", "", "");
  ExpectRoute("/token", "/token", "", "");
  ExpectRoute("/healthz", "/healthz", "", "");
  ExpectRoute("/readyz", "/readyz", "", "");
  ExpectRoute("/v2/_catalog", "/v2/_catalog", "", "");
  ExpectRoute("/v2/a/tags/list", "/v2/<name>/tags/list", "a", "");
  ExpectRoute("/v2/a/referrers/sha256:ab", "/v2/<name>/referrers/<digest>", "a", "sha256:ab");
  ExpectRoute("/v2/a/b/manifests/v1", "/v2/<name>/manifests/<reference>", "a/b", "v1");
  ExpectRoute("/v2/a/blobs/sha256:ab", "/v2/<name>/blobs/<digest>", "a", "sha256:ab");
  ExpectRoute("/v2/a/blobs/uploads/", "/v2/<name>/blobs/uploads/", "a", "");
  ExpectRoute("/v2/a/blobs/uploads", "/v2/<name>/blobs/uploads/", "a", "");
  ExpectRoute("/v2/a/blobs/uploads/x", "/v2/<name>/blobs/uploads/<id>", "a", "x");
}

TEST(RouteTest, NamesMayHoldTheWordsOfRoutes) {
  ExpectRoute("/v2/blobs/uploads/manifests/v1", "/v2/<name>/manifests/<reference>", "blobs/uploads",
              "v1");
  ExpectRoute("/v2/a/tags/list/tags/list", "/v2/<name>/tags/list", "a/tags/list", "");
  ExpectRoute("/v2/manifests/blobs/uploads/", "/v2/<name>/blobs/uploads/", "manifests", "");
}

TEST(RouteTest, EscapesAreDecodedOnce) {
  ExpectRoute("/v2/a/blobs/sha256%3Aab", "/v2/<name>/blobs/<digest>", "a", "sha256:ab");
  ExpectRoute("/v2/a/blobs/sha256%253Aab", "/v2/<name>/blobs/<digest>", "a", "sha256%3Aab");
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
    ExpectRoute(path, "", "", "");
  }
}

TEST(RouteTest, AMethodSelectsWhatIsDone) {
  const auto operation = [](absl::string_view path, absl::string_view method) {
    const Endpoint* endpoint = FindEndpoint(*ParseRoute(path), method);
    return endpoint == nullptr ? std::nullopt : std::optional(endpoint->operation);
  };
  EXPECT_EQ(operation("/token", "GET"), Operation::kGetToken);
  EXPECT_EQ(operation("/token", "POST"), Operation::kPostToken);
  EXPECT_EQ(operation("/token", "HEAD"), std::nullopt);
  EXPECT_EQ(operation("/v2/a/blobs/sha256:ab", "GET"), Operation::kGetBlob);
  EXPECT_EQ(operation("/v2/a/blobs/sha256:ab", "HEAD"), Operation::kGetBlob);
  EXPECT_EQ(operation("/v2/a/blobs/sha256:ab", "DELETE"), Operation::kDeleteBlob);
  EXPECT_EQ(operation("/v2/a/blobs/sha256:ab", "PUT"), std::nullopt);
  EXPECT_EQ(operation("/v2/a/blobs/sha256:ab", "get"), std::nullopt);
  EXPECT_EQ(operation("/v2/a/blobs/sha256:ab", ""), std::nullopt);
  EXPECT_EQ(operation("/v2/a/blobs/uploads/", "POST"), Operation::kPostUpload);
  EXPECT_EQ(operation("/v2/a/blobs/uploads/x", "HEAD"), std::nullopt);
  EXPECT_EQ(operation("/nowhere", "GET"), std::nullopt);
}

TEST(RouteTest, TellsTheMethodsOfARoute) {
  const auto methods = [](absl::string_view path) { return AllowedMethods(*ParseRoute(path)); };
  EXPECT_EQ(methods("/healthz"), "GET, HEAD");
  EXPECT_EQ(methods("/token"), "GET, POST");
  EXPECT_EQ(methods("/v2/"), "GET, HEAD");
  EXPECT_EQ(methods("/v2/a/tags/list"), "GET, HEAD");
  EXPECT_EQ(methods("/v2/a/manifests/v1"), "GET, HEAD, PUT, DELETE");
  EXPECT_EQ(methods("/v2/a/blobs/uploads/"), "POST");
  EXPECT_EQ(methods("/v2/a/blobs/uploads/x"), "GET, PATCH, PUT, DELETE");
  EXPECT_EQ(methods("/v2/a/blobs/sha256:ab"), "GET, HEAD, DELETE");
}

// Only what tells strangers nothing of a repository asks no policy.
TEST(RouteTest, EveryPathBelowV2AsksThePolicy) {
  for (const char* path :
       {"/v2/", "/v2/_catalog", "/v2/a/tags/list", "/v2/a/referrers/sha256:ab",
        "/v2/a/manifests/v1", "/v2/a/blobs/sha256:ab", "/v2/a/blobs/uploads/x"}) {
    EXPECT_EQ(FindEndpoint(*ParseRoute(path), "GET")->check, Check::kPolicy) << path;
  }
  EXPECT_EQ(FindEndpoint(*ParseRoute("/v2/a/blobs/uploads/"), "POST")->check, Check::kPolicy);
  EXPECT_EQ(FindEndpoint(*ParseRoute("/token"), "GET")->check, Check::kCredential);
  EXPECT_EQ(FindEndpoint(*ParseRoute("/healthz"), "GET")->check, Check::kNothing);
  EXPECT_EQ(FindEndpoint(*ParseRoute("/readyz"), "GET")->check, Check::kNothing);
}

TEST(RouteTest, AsksForTheRightThatTheTableOfActionsNames) {
  const auto action = [](absl::string_view path, absl::string_view method) {
    return Actions(path, method).at(0);
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
  EXPECT_TRUE(Actions("/v2/", "GET").empty());
}

// A role names GET for these; HEAD is a verb of its own for manifests alone.
TEST(RouteTest, HeadAsksAsGetButForManifests) {
  for (const char* path :
       {"/v2/a/blobs/sha256:ab", "/v2/a/referrers/sha256:ab", "/v2/a/tags/list", "/v2/_catalog"}) {
    EXPECT_EQ(Actions(path, "HEAD").at(0).verb(), v1::VERB_GET) << path;
  }
  for (const char* path : {"/v2/a/manifests/v1", "/v2/a/manifests/sha256:ab"}) {
    EXPECT_EQ(Actions(path, "HEAD").at(0).verb(), v1::VERB_HEAD) << path;
  }
}

TEST(RouteTest, APushByDigestAsksForEachTagThatItSets) {
  const std::vector<v1::Action> actions = Actions("/v2/a/manifests/sha256:ab", "PUT", {"v1", "v2"});
  ASSERT_EQ(actions.size(), 3u);
  EXPECT_EQ(actions[0].tag(), "");
  EXPECT_EQ(actions[1].tag(), "v1");
  EXPECT_EQ(actions[2].tag(), "v2");
}

}  // namespace
}  // namespace registry::gateway
