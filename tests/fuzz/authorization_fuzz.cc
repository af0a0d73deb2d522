// Credentials of clients. The input's first line is the Host header, which challenges repeat, and
// in turn each header of proxies that can replace it; the rest is the Authorization header.

#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "gateway/access/credential.h"
#include "gateway/api/route.h"
#include "tests/fuzz/check.h"

namespace registry::gateway {
namespace {

bool HasControls(absl::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

http::Request WithHeader(const char* name, absl::string_view value) {
  http::Request request;
  request.head.set(name, boost::beast::string_view(value.data(), value.size()));
  return request;
}

absl::StatusOr<v1::Credential> Parse(absl::string_view header) {
  return ParseCredential(WithHeader("Authorization", header));
}

// A header contains a secret: no message may show any of it.
void CheckError(const absl::Status& status) {
  fuzz::CheckClientError(status, oci::ErrorCode::kUnauthorized);
  static std::set<std::string>& messages = *new std::set<std::string>;
  messages.emplace(status.message());
  FUZZ_CHECK(messages.size() <= 6);
}

std::string BasicHeader(absl::string_view user, absl::string_view password) {
  return absl::StrCat("Basic ", absl::Base64Escape(absl::StrCat(user, ":", password)));
}

bool IsBasic(const absl::StatusOr<v1::Credential>& credential, absl::string_view user,
             absl::string_view password) {
  return credential.ok() && credential->has_basic() && credential->basic().username() == user &&
         credential->basic().password() == password;
}

void CheckHeader(absl::string_view header) {
  const absl::StatusOr<v1::Credential> credential = Parse(header);
  if (!credential.ok()) return CheckError(credential.status());
  const absl::string_view stripped = absl::StripAsciiWhitespace(header);
  switch (credential->kind_case()) {
    case v1::Credential::kBasic: {
      const std::string& user = credential->basic().username();
      const std::string& password = credential->basic().password();
      FUZZ_CHECK(absl::StartsWithIgnoreCase(stripped, "basic "));
      FUZZ_CHECK(base::IsUtf8Text(user) && base::IsUtf8Text(password));
      FUZZ_CHECK(!absl::StrContains(user, ':'));
      FUZZ_CHECK(IsBasic(Parse(BasicHeader(user, password)), user, password));
      return;
    }
    case v1::Credential::kBearerToken: {
      const std::string& token = credential->bearer_token();
      FUZZ_CHECK(absl::StartsWithIgnoreCase(stripped, "bearer "));
      FUZZ_CHECK(!token.empty() && base::IsUtf8Text(token));
      FUZZ_CHECK(absl::StripAsciiWhitespace(token) == token && absl::EndsWith(stripped, token));
      return;
    }
    default:
      FUZZ_CHECK(credential->kind_case() == v1::Credential::KIND_NOT_SET);
      // Or an empty user name with an empty password.
      FUZZ_CHECK(stripped.empty() || absl::StartsWithIgnoreCase(stripped, "basic "));
  }
}

// User name and password survive the client's encoding unchanged.
void CheckRoundTrip(absl::string_view user, absl::string_view password) {
  const absl::StatusOr<v1::Credential> credential = Parse(BasicHeader(user, password));
  const std::string joined = absl::StrCat(user, ":", password);
  if (!base::IsUtf8Text(joined)) {
    FUZZ_CHECK(!credential.ok());
    return CheckError(credential.status());
  }
  if (joined == ":") {
    FUZZ_CHECK(credential.ok() && credential->kind_case() == v1::Credential::KIND_NOT_SET);
    return;
  }
  const size_t colon = joined.find(':');
  FUZZ_CHECK(IsBasic(credential, joined.substr(0, colon), joined.substr(colon + 1)));
}

// Parses `NAME="VALUE",NAME="VALUE"` like clients.
void CheckParameters(absl::string_view text, const std::vector<absl::string_view>& names) {
  for (size_t i = 0; i < names.size(); ++i) {
    FUZZ_CHECK(i == 0 || absl::ConsumePrefix(&text, ","));
    FUZZ_CHECK(absl::ConsumePrefix(&text, names[i]) && absl::ConsumePrefix(&text, "=\""));
    const size_t end = text.find('"');
    FUZZ_CHECK(end != absl::string_view::npos);
    FUZZ_CHECK(!absl::StrContains(text.substr(0, end), '\\'));
    text.remove_prefix(end + 1);
  }
  FUZZ_CHECK(text.empty());
}

// A header that the realm is made of cannot add parameters to a challenge.
void CheckChallenge(const char* header, absl::string_view value) {
  // The server refuses these in any header.
  if (HasControls(value)) return;
  http::Request request = WithHeader(header, value);
  request.proxy_trust = http::ProxyTrust::kAll;
  const Route route = *ParseRoute("/v2/team/app/manifests/v1");
  const std::vector<v1::Action> actions = RequiredActions(*FindEndpoint(route, "PUT"), route);
  const struct {
    std::string challenge;
    std::vector<absl::string_view> parameters;
  } cases[] = {
      {Challenge(request, {}, AccessDecision::kCredentialRequired), {"realm", "service"}},
      {Challenge(request, actions, AccessDecision::kCredentialRequired),
       {"realm", "service", "scope"}},
      {Challenge(request, actions, AccessDecision::kTokenInvalid),
       {"realm", "service", "scope", "error"}},
  };
  for (const auto& test : cases) {
    absl::string_view text = test.challenge;
    FUZZ_CHECK(absl::ConsumePrefix(&text, "Bearer ") && !HasControls(text));
    CheckParameters(text, test.parameters);
  }
}

}  // namespace
}  // namespace registry::gateway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  absl::string_view header = registry::fuzz::ToText(data, size);
  const absl::string_view line = registry::fuzz::TakeLine(header);
  registry::gateway::CheckHeader(header);
  registry::gateway::CheckRoundTrip(line, header);
  for (const char* name : {"Host", "Forwarded", "X-Forwarded-Host", "X-Forwarded-Proto"}) {
    registry::gateway::CheckChallenge(name, line);
  }
  return 0;
}
