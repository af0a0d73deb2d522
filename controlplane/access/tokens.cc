#include "controlplane/access/tokens.h"

#include <jwt.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/limits.h"

namespace registry::controlplane {
namespace {

namespace json = boost::json;

constexpr int64_t kLeewaySeconds = base::kTokenLeeway.count();
// Later expiry times are cut to this, in the year 5138, so that arithmetic cannot overflow.
constexpr int64_t kMaxSeconds = 100'000'000'000;
constexpr size_t kMinKeyBytes = 32;

struct FreeJwt {
  void operator()(jwt_t* jwt) const { jwt_free(jwt); }
};
using JwtPointer = std::unique_ptr<jwt_t, FreeJwt>;

struct FreeText {
  void operator()(char* text) const { std::free(text); }
};
using TextPointer = std::unique_ptr<char, FreeText>;

absl::Status Invalid(absl::string_view why) {
  return absl::UnauthenticatedError(absl::StrCat("invalid token: ", why));
}

// Reads claims. A missing claim, or one of another type, makes ok() false.
class ClaimReader {
 public:
  explicit ClaimReader(const json::object& object) : object_(object) {}

  bool ok() const { return ok_; }

  std::string String(json::string_view name) {
    const json::value* value = Find(name);
    if (value == nullptr || !value->is_string()) return Fail<std::string>();
    return std::string(value->get_string().begin(), value->get_string().end());
  }

  std::string OptionalString(json::string_view name) {
    return Find(name) == nullptr ? std::string() : String(name);
  }

  int64_t Integer(json::string_view name) {
    const json::value* value = Find(name);
    if (value == nullptr || !value->is_int64()) return Fail<int64_t>();
    return value->get_int64();
  }

 private:
  template <class T>
  T Fail() {
    ok_ = false;
    return T();
  }

  const json::value* Find(json::string_view name) const { return object_.if_contains(name); }

  const json::object& object_;
  bool ok_ = true;
};

// Returns true if `text` may be a token; libjwt does not see any other text.
bool HasTokenAlphabet(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) {
                       return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
                     }) &&
         std::count(text.begin(), text.end(), '.') == 2;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TokenSigner>> TokenSigner::Create(TokenSignerOptions options) {
  if (options.signing_key.size() < kMinKeyBytes) {
    return absl::InvalidArgumentError(absl::StrCat("the key that signs tokens has ",
                                                   options.signing_key.size(), " bytes; it needs ",
                                                   kMinKeyBytes, " or more"));
  }
  if (options.lifetime < kMinTokenLifetime) {
    return absl::InvalidArgumentError(absl::StrCat("the lifetime of tokens is ",
                                                   options.lifetime.count(), " s; it must be ",
                                                   kMinTokenLifetime.count(), " s at least"));
  }
  return std::unique_ptr<TokenSigner>(new TokenSigner(std::move(options)));
}

absl::StatusOr<std::unique_ptr<TokenSigner>> TokenSigner::WithKey(std::string signing_key) const {
  TokenSignerOptions options = options_;
  options.signing_key = std::move(signing_key);
  return Create(std::move(options));
}

TokenSigner::TokenSigner(TokenSignerOptions options)
    : options_(std::move(options)),
      access_key_(base::HmacSha256(options_.signing_key, "simple-registry: access of tokens, 1")) {}

const unsigned char* TokenSigner::key() const {
  return reinterpret_cast<const unsigned char*>(options_.signing_key.data());
}

absl::StatusOr<IssuedToken> TokenSigner::Issue(const TokenGrant& grant) const {
  if (grant.access.size() > base::kMaxTokenScopes) {
    return absl::InvalidArgumentError(absl::StrCat("a token has at most ", base::kMaxTokenScopes,
                                                   " scopes, not ", grant.access.size()));
  }
  TokenAccess access(access_key_);
  for (const oci::Scope& scope : grant.access) access.Add(scope);
  const int64_t now_s = options_.clock() / 1000;
  IssuedToken token{
      .text = "", .issued_at_s = now_s, .expires_at_s = now_s + options_.lifetime.count()};
  json::object claims = {{"iss", options_.issuer},    {"aud", options_.audience},
                         {"iat", token.issued_at_s},  {"nbf", token.issued_at_s},
                         {"exp", token.expires_at_s}, {"jti", base::NewUuid7()},
                         {"access", access.Encode()}};
  if (!grant.subject.empty()) {
    claims["sub"] = grant.subject;
    claims["credential_version"] = grant.credential_version;
  }
  jwt_t* jwt = nullptr;
  if (jwt_new(&jwt) != 0) return absl::InternalError("libjwt cannot make a token");
  const JwtPointer owner(jwt);
  if (jwt_add_grants_json(jwt, json::serialize(claims).c_str()) != 0 ||
      jwt_set_alg(jwt, JWT_ALG_HS256, key(), key_size()) != 0) {
    return absl::InternalError("libjwt cannot set the claims of a token");
  }
  const TextPointer text(jwt_encode_str(jwt));
  if (text == nullptr) return absl::InternalError("libjwt cannot sign a token");
  token.text = text.get();
  if (token.text.size() > base::kMaxIssuedTokenBytes) {
    return absl::InvalidArgumentError(absl::StrCat("the token would have ", token.text.size(),
                                                   " bytes, at most ", base::kMaxIssuedTokenBytes,
                                                   " are allowed: ask for fewer scopes"));
  }
  return token;
}

absl::StatusOr<VerifiedToken> TokenSigner::Verify(absl::string_view text) const {
  if (text.size() > base::kMaxTokenBytes) {
    return Invalid(absl::StrCat("it has ", text.size(), " bytes, at most ", base::kMaxTokenBytes,
                                " are allowed"));
  }
  if (!HasTokenAlphabet(text)) return Invalid("it is not a JSON Web Token");
  jwt_t* jwt = nullptr;
  // Checks the signature with the algorithm of the header, which so far can be any.
  const int error = jwt_decode(&jwt, std::string(text).c_str(), key(), key_size());
  const JwtPointer owner(error == 0 ? jwt : nullptr);
  if (error != 0 || jwt_get_alg(jwt) != JWT_ALG_HS256) {
    return Invalid("this registry did not sign it");
  }
  const TextPointer claims_text(jwt_get_grants_json(jwt, nullptr));
  json::error_code parse_error;
  const json::value claims =
      json::parse(claims_text == nullptr ? "" : claims_text.get(), parse_error);
  if (parse_error || !claims.is_object()) return Invalid("its claims are not a JSON object");

  ClaimReader reader(claims.get_object());
  const std::string issuer = reader.String("iss");
  const std::string audience = reader.String("aud");
  const int64_t not_before_s = reader.Integer("nbf");
  const int64_t issued_at_s = reader.Integer("iat");
  const int64_t expires_at_s = reader.Integer("exp");
  std::optional<TokenAccess> access = TokenAccess::Decode(access_key_, reader.String("access"));
  std::string subject = reader.OptionalString("sub");
  std::string credential_version = reader.OptionalString("credential_version");
  if (!reader.ok() || !access.has_value()) return Invalid("a claim is missing or malformed");
  if (issuer != options_.issuer) return Invalid("another registry issued it");
  if (audience != options_.audience) return Invalid("it is for another registry");
  const int64_t now_s = options_.clock() / 1000;
  if (now_s + kLeewaySeconds < std::max(not_before_s, issued_at_s)) {
    return Invalid("it is not valid yet; are the clocks right?");
  }
  if (now_s - kLeewaySeconds >= expires_at_s) return Invalid("it has expired; log in again");
  return VerifiedToken{.subject = std::move(subject),
                       .credential_version = std::move(credential_version),
                       .access = *std::move(access),
                       .refused_at_s = std::min(expires_at_s, kMaxSeconds) + kLeewaySeconds};
}

}  // namespace registry::controlplane
