#include "controlplane/tokens.h"

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

// Replicas' clocks may differ by this much.
constexpr int64_t kClockSkewSeconds = 10;
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

json::array ToJson(const std::vector<oci::Scope>& access) {
  json::array entries;
  for (const oci::Scope& scope : access) {
    entries.push_back({{"type", scope.type},
                       {"name", scope.name},
                       {"actions", json::array(scope.actions.begin(), scope.actions.end())}});
  }
  return entries;
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

  std::vector<std::string> Strings(json::string_view name) {
    std::vector<std::string> texts;
    for (const json::value& value : Array(name)) {
      if (!value.is_string()) return Fail<std::vector<std::string>>();
      texts.emplace_back(value.get_string().begin(), value.get_string().end());
    }
    return texts;
  }

  std::vector<oci::Scope> Access(json::string_view name) {
    std::vector<oci::Scope> scopes;
    for (const json::value& value : Array(name)) {
      if (!value.is_object()) return Fail<std::vector<oci::Scope>>();
      ClaimReader reader(value.get_object());
      scopes.push_back({.type = reader.String("type"),
                        .name = reader.String("name"),
                        .actions = reader.Strings("actions")});
      if (!reader.ok()) return Fail<std::vector<oci::Scope>>();
    }
    return scopes;
  }

 private:
  template <class T>
  T Fail() {
    ok_ = false;
    return T();
  }

  const json::value* Find(json::string_view name) const { return object_.if_contains(name); }

  const json::array& Array(json::string_view name) {
    static const json::array& kEmpty = *new json::array;
    const json::value* value = Find(name);
    if (value != nullptr && value->is_array()) return value->get_array();
    ok_ = false;
    return kEmpty;
  }

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

const unsigned char* TokenSigner::key() const {
  return reinterpret_cast<const unsigned char*>(options_.signing_key.data());
}

absl::StatusOr<IssuedToken> TokenSigner::Issue(const TokenGrant& grant) const {
  const int64_t now_s = options_.clock() / 1000;
  IssuedToken token{
      .text = "", .issued_at_s = now_s, .expires_at_s = now_s + options_.lifetime.count()};
  json::object claims = {
      {"iss", options_.issuer},        {"aud", options_.audience},
      {"iat", token.issued_at_s},      {"nbf", token.issued_at_s - kClockSkewSeconds},
      {"exp", token.expires_at_s},     {"jti", base::NewUuid7()},
      {"access", ToJson(grant.access)}};
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
  if (token.text.size() > base::kMaxTokenBytes) {
    return absl::InvalidArgumentError(absl::StrCat("the token would have ", token.text.size(),
                                                   " bytes, at most ", base::kMaxTokenBytes,
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
  VerifiedToken token{.grant = {.subject = reader.OptionalString("sub"),
                                .credential_version = reader.OptionalString("credential_version"),
                                .access = reader.Access("access")},
                      .expires_at_s = reader.Integer("exp")};
  if (!reader.ok()) return Invalid("a claim is missing or malformed");
  if (issuer != options_.issuer) return Invalid("another registry issued it");
  if (audience != options_.audience) return Invalid("it is for another registry");
  const int64_t now_s = options_.clock() / 1000;
  if (now_s < not_before_s) return Invalid("it is not valid yet; are the clocks right?");
  if (now_s >= token.expires_at_s) return Invalid("it has expired; log in again");
  return token;
}

}  // namespace registry::controlplane
