// Bearer tokens. The input's first line names the kind of the rest:
//
//   text     a token, as a client may send it
//   edits    pairs of bytes, a position and a new value: changes of a valid token
//   claims   the claims of a token that is signed with our key
//   header   the header of a token with valid claims
//   grant    a subject, a credential version and scopes, a line each: what a token is issued for

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <boost/json.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "controlplane/access/tokens.h"
#include "oci/scope.h"
#include "tests/fuzz/check.h"

namespace registry::controlplane {
namespace {

namespace json = boost::json;

constexpr int64_t kNowS = 1000;
constexpr char kKey[] = "a key of thirty-two bytes, or so";
constexpr char kHeader[] = R"({"alg":"HS256","typ":"JWT"})";
constexpr char kClaims[] =
    R"({"iss":"simple-registry","aud":"simple-registry","nbf":990,"iat":990,"exp":1300,)"
    R"("sub":"admin","credential_version":"0123","access":"AAECAwQFBgcD"})";

const TokenSigner& Signer() {
  static const TokenSigner* const signer =
      TokenSigner::Create({.signing_key = kKey, .clock = [] { return kNowS * 1000; }})->release();
  return *signer;
}

bool Accepts(absl::string_view token) {
  const absl::StatusOr<VerifiedToken> verified = Signer().Verify(token);
  if (verified.ok()) {
    FUZZ_CHECK(verified->refused_at_s > kNowS);
    return true;
  }
  FUZZ_CHECK(absl::IsUnauthenticated(verified.status()));
  const absl::string_view why = verified.status().message();
  FUZZ_CHECK(absl::StartsWith(why, "invalid token: ") && why.size() < 200);
  return false;
}

std::string SignedPart(absl::string_view header, absl::string_view claims) {
  return absl::StrCat(absl::WebSafeBase64Escape(header), ".", absl::WebSafeBase64Escape(claims));
}

// Signed according to RFC 7515 with our key, whatever the header claims.
std::string Sign(absl::string_view header, absl::string_view claims,
                 const EVP_MD* digest = EVP_sha256()) {
  const std::string part = SignedPart(header, claims);
  unsigned char signature[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  FUZZ_CHECK(HMAC(digest, kKey, sizeof(kKey) - 1,
                  reinterpret_cast<const unsigned char*>(part.data()), part.size(), signature,
                  &size) != nullptr);
  return absl::StrCat(
      part, ".",
      absl::WebSafeBase64Escape(absl::string_view(reinterpret_cast<const char*>(signature), size)));
}

const std::string& RightToken() {
  static const std::string& token = *new std::string(Sign(kHeader, kClaims));
  return token;
}

void CheckText(absl::string_view text) {
  FUZZ_CHECK(Accepts(text) == (text == RightToken()));
  // Nor with text around or inside it.
  if (!text.empty()) {
    FUZZ_CHECK(!Accepts(absl::StrCat(RightToken(), text)));
    FUZZ_CHECK(!Accepts(absl::StrCat(text, RightToken())));
  }
}

void CheckEdits(absl::string_view edits) {
  std::string token = RightToken();
  for (size_t i = 0; i + 1 < edits.size(); i += 2) {
    // Two bytes reach every position of a token with a few hundred characters.
    const size_t position = static_cast<unsigned char>(edits[i]) * 2 + i / 2 % 2;
    token[position % token.size()] = edits[i + 1];
  }
  FUZZ_CHECK(Accepts(token) == (token == RightToken()));
}

// The JSON text, read by a parser other than libjwt's, which stops at a NUL.
const json::object* ParseObject(absl::string_view text, json::value& storage) {
  text = text.substr(0, text.find('\0'));
  json::error_code error;
  storage = json::parse(json::string_view(text.data(), text.size()), error);
  return error ? nullptr : storage.if_object();
}

bool IsText(const json::object& object, absl::string_view name, absl::string_view value) {
  const json::value* found = object.if_contains(json::string_view(name.data(), name.size()));
  return found != nullptr && found->is_string() &&
         absl::string_view(found->get_string().data(), found->get_string().size()) == value;
}

// Base64 of entries of 9 bytes.
bool IsAccess(const json::value* access) {
  if (access == nullptr || !access->is_string()) return false;
  std::string entries;
  return absl::WebSafeBase64Unescape(
             absl::string_view(access->get_string().data(), access->get_string().size()),
             &entries) &&
         entries.size() % 9 == 0;
}

// Accepted claims are valid in every respect.
void CheckClaims(absl::string_view claims) {
  const std::string part = SignedPart(kHeader, claims);
  FUZZ_CHECK(!Accepts(part) && !Accepts(part + "."));
  if (!Accepts(Sign(kHeader, claims))) return;
  json::value storage;
  const json::object* object = ParseObject(claims, storage);
  FUZZ_CHECK(object != nullptr);
  FUZZ_CHECK(IsText(*object, "iss", oci::kTokenService) &&
             IsText(*object, "aud", oci::kTokenService));
  constexpr int64_t kLeeway = base::kTokenLeeway.count();
  for (const char* name : {"nbf", "iat"}) {
    const json::value* begin = object->if_contains(name);
    FUZZ_CHECK(begin != nullptr && begin->is_int64() && begin->get_int64() <= kNowS + kLeeway);
  }
  const json::value* expiry = object->if_contains("exp");
  FUZZ_CHECK(expiry != nullptr && expiry->is_int64() && expiry->get_int64() > kNowS - kLeeway);
  FUZZ_CHECK(IsAccess(object->if_contains("access")));
  for (const char* name : {"sub", "credential_version"}) {
    const json::value* value = object->if_contains(name);
    FUZZ_CHECK(value == nullptr || value->is_string());
  }
}

// Whatever the header says, only HS256 is accepted, and only with its signature.
void CheckHeader(absl::string_view header) {
  const std::string part = SignedPart(header, kClaims);
  FUZZ_CHECK(!Accepts(part) && !Accepts(part + "."));
  FUZZ_CHECK(!Accepts(Sign(header, kClaims, EVP_sha384())));
  FUZZ_CHECK(!Accepts(Sign(header, kClaims, EVP_sha512())));
  if (!Accepts(Sign(header, kClaims))) return;
  json::value storage;
  const json::object* object = ParseObject(header, storage);
  FUZZ_CHECK(object != nullptr && object->contains("alg") && object->at("alg").is_string());
  const json::string& algorithm = object->at("alg").get_string();
  FUZZ_CHECK(
      absl::EqualsIgnoreCase(absl::string_view(algorithm.data(), algorithm.size()), "HS256"));
}

void CheckGrant(absl::string_view input) {
  // Other text was refused with the request.
  if (!base::IsUtf8Text(input)) return;
  TokenGrant grant;
  grant.subject = std::string(fuzz::TakeLine(input));
  const absl::string_view version = fuzz::TakeLine(input);
  if (!grant.subject.empty()) grant.credential_version = std::string(version);
  grant.access = oci::ParseScopes(input);
  const absl::StatusOr<IssuedToken> issued = Signer().Issue(grant);
  if (!issued.ok()) {
    FUZZ_CHECK(absl::IsInvalidArgument(issued.status()));
    return;
  }
  const absl::StatusOr<VerifiedToken> verified = Signer().Verify(issued->text);
  FUZZ_CHECK(verified.ok());
  FUZZ_CHECK(verified->subject == grant.subject);
  FUZZ_CHECK(verified->credential_version == grant.credential_version);
  for (const oci::Scope& scope : grant.access) {
    for (const std::string& action : scope.actions) {
      const bool known =
          action == "pull" || action == "push" || action == "delete" || action == "*";
      FUZZ_CHECK(verified->access.Covers({scope.type, scope.name, {action}}) == known);
    }
  }
  FUZZ_CHECK(!verified->access.Covers({"repository", "a:name:with:colons:nobody:asks", {"pull"}}));
  FUZZ_CHECK(verified->refused_at_s == issued->expires_at_s + base::kTokenLeeway.count());
}

}  // namespace
}  // namespace registry::controlplane

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  absl::string_view rest = registry::fuzz::ToText(data, size);
  const absl::string_view what = registry::fuzz::TakeLine(rest);
  if (what == "text") registry::controlplane::CheckText(rest);
  if (what == "edits") registry::controlplane::CheckEdits(rest);
  if (what == "claims") registry::controlplane::CheckClaims(rest);
  if (what == "header") registry::controlplane::CheckHeader(rest);
  if (what == "grant") registry::controlplane::CheckGrant(rest);
  return 0;
}
