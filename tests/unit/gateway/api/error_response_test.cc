#include "gateway/api/error_response.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "base/http/exchange.h"
#include "base/retry_delay.h"
#include "oci/error.h"

namespace registry::gateway {
namespace {

TEST(ErrorResponseTest, HasCodeMessageAndDetail) {
  Route route;
  route.repository = "a/b";
  route.reference = "v1";
  const http::Response response =
      ErrorResponse(oci::MakeError(oci::ErrorCode::kManifestUnknown, "no such manifest"), route);
  EXPECT_EQ(response.head.status, 404);
  const auto body = boost::json::parse(response.body);
  const auto& error = body.at("errors").at(0);
  EXPECT_EQ(error.at("code").as_string(), "MANIFEST_UNKNOWN");
  EXPECT_EQ(error.at("message").as_string(), "no such manifest");
  EXPECT_EQ(error.at("detail").at("name").as_string(), "a/b");
  EXPECT_EQ(error.at("detail").at("reference").as_string(), "v1");
}

TEST(ErrorResponseTest, AMalformedBodyIsOfInvalidSize) {
  const http::Response response = ErrorResponse(http::MalformedBody("it ended early"), Route());
  EXPECT_EQ(response.head.status, 400);
  const auto body = boost::json::parse(response.body);
  const auto& error = body.at("errors").at(0);
  EXPECT_EQ(error.at("code").as_string(), "SIZE_INVALID");
  EXPECT_EQ(error.at("message").as_string(), "it ended early");
  // Not so the same error from another plane.
  EXPECT_EQ(ErrorResponse(absl::InvalidArgumentError("x"), Route()).head.status, 500);
}

TEST(ErrorResponseTest, OverloadSaysWhenToTryAgain) {
  const http::Response response = ErrorResponse(absl::UnavailableError("busy"), Route());
  EXPECT_EQ(response.head.status, 503);
  const auto& headers = response.head.headers;
  EXPECT_TRUE(std::any_of(headers.begin(), headers.end(),
                          [](const auto& header) { return header.first == "Retry-After"; }));
}

TEST(ErrorResponseTest, RetryAfterIsWhatTheErrorSays) {
  const auto retry_after = [](const absl::Status& status) {
    std::vector<std::string> values;
    for (const auto& [name, value] : ErrorResponse(status, Route()).head.headers) {
      if (name == "Retry-After") values.push_back(value);
    }
    return values;
  };
  const absl::Status many = oci::MakeError(oci::ErrorCode::kTooManyRequests, "too many");
  EXPECT_EQ(retry_after(many), std::vector<std::string>{"1"});
  EXPECT_EQ(retry_after(base::WithRetryDelay(many, std::chrono::seconds(42))),
            std::vector<std::string>{"42"});
}

TEST(ErrorResponseTest, AReferenceThatIsNoTextStaysOutOfTheBody) {
  Route route;
  route.reference.assign(2, '\xff');
  const http::Response response = ErrorResponse(absl::InternalError("x"), route);
  EXPECT_FALSE(boost::json::parse(response.body)
                   .at("errors")
                   .at(0)
                   .at("detail")
                   .as_object()
                   .contains("reference"));
}

}  // namespace
}  // namespace registry::gateway
