#include "controlplane/passwords.h"

#include <crypt.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"

namespace registry::controlplane {
namespace {

// "$2b$10$", 22 characters of salt, 31 of hash.
constexpr size_t kPrefixBytes = 7;
constexpr size_t kSaltBytes = 22;
constexpr size_t kHashBytes = kPrefixBytes + kSaltBytes + 31;
constexpr absl::string_view kAlphabet =
    "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

absl::Status BadHash(absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("invalid bcrypt hash: ", why, "; generate one with 'simple-registry genhash'"));
}

// Returns true if the unused bits of a 6-bit character are 0. bcrypt writes them as 0, so a hash
// with other bits could never match.
bool HasZeroBits(char c, size_t unused_bits) {
  return kAlphabet.find(c) % (size_t{1} << unused_bits) == 0;
}

// Random characters of the alphabet; `unused_bits` of the last one are 0.
std::string RandomText(size_t count, size_t unused_bits) {
  std::string text = base::RandomBytes(count);
  for (char& c : text) c = kAlphabet[static_cast<unsigned char>(c) % kAlphabet.size()];
  text.back() = kAlphabet[kAlphabet.find(text.back()) >> unused_bits << unused_bits];
  return text;
}

// The bcrypt hash of `password` with the cost and salt of `setting`; empty on failure.
std::string Crypt(absl::string_view password, absl::string_view setting) {
  // 32 KiB: too big for a stack.
  auto data = std::make_unique<crypt_data>();
  std::string phrase(password);
  const char* hash = crypt_r(phrase.c_str(), std::string(setting).c_str(), data.get());
  explicit_bzero(phrase.data(), phrase.size());
  // On failure, the result begins with an asterisk.
  return hash == nullptr || hash[0] == '*' ? std::string() : std::string(hash);
}

}  // namespace

absl::Status ValidatePassword(absl::string_view password) {
  if (password.empty()) return absl::InvalidArgumentError("the password is empty");
  if (password.size() > kMaxPasswordBytes) {
    return absl::InvalidArgumentError(absl::StrCat("the password has ", password.size(),
                                                   " bytes; bcrypt uses at most ",
                                                   kMaxPasswordBytes, ", so choose a shorter one"));
  }
  if (absl::StrContains(password, '\0')) {
    return absl::InvalidArgumentError(
        "the password contains a NUL byte, where bcrypt would cut it off");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> HashPassword(absl::string_view password) {
  if (absl::Status status = ValidatePassword(password); !status.ok()) return status;
  const std::string setting = absl::StrCat("$2b$", kBcryptCost, "$", RandomText(kSaltBytes, 4));
  std::string hash = Crypt(password, setting);
  if (hash.empty()) return absl::InternalError("libcrypt cannot compute a bcrypt hash");
  return hash;
}

bool LooksLikePasswordHash(absl::string_view text) {
  return absl::StartsWith(text, "$2a$") || absl::StartsWith(text, "$2b$") ||
         absl::StartsWith(text, "$2y$");
}

absl::Status ValidatePasswordHash(absl::string_view hash) {
  if (!LooksLikePasswordHash(hash)) return BadHash("it must begin with $2a$, $2b$ or $2y$");
  if (hash.size() != kHashBytes) {
    return BadHash(absl::StrCat("it has ", hash.size(), " characters instead of ", kHashBytes));
  }
  if (hash[kPrefixBytes - 1] != '$' || !absl::ascii_isdigit(hash[4]) ||
      !absl::ascii_isdigit(hash[5]) || BcryptCostOf(hash) < kMinBcryptCost ||
      BcryptCostOf(hash) > kMaxBcryptCost) {
    return BadHash(
        absl::StrCat("its cost must be two digits from 0", kMinBcryptCost, " to ", kMaxBcryptCost));
  }
  const absl::string_view rest = hash.substr(kPrefixBytes);
  const bool well_formed = std::all_of(rest.begin(), rest.end(),
                                       [](char c) { return absl::StrContains(kAlphabet, c); }) &&
                           HasZeroBits(rest[kSaltBytes - 1], 4) && HasZeroBits(rest.back(), 2);
  return well_formed ? absl::OkStatus() : BadHash("its last 53 characters are not a salt and hash");
}

int BcryptCostOf(absl::string_view hash) { return (hash[4] - '0') * 10 + (hash[5] - '0'); }

std::string MakeDecoyHash(int cost) {
  return absl::StrCat("$2b$", cost < 10 ? "0" : "", cost, "$", RandomText(kSaltBytes, 4),
                      RandomText(kHashBytes - kPrefixBytes - kSaltBytes, 2));
}

bool VerifyPassword(absl::string_view password, absl::string_view hash) {
  if (!ValidatePassword(password).ok() || !ValidatePasswordHash(hash).ok()) return false;
  return base::ConstantTimeEquals(Crypt(password, hash), hash);
}

}  // namespace registry::controlplane
