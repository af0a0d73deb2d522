// Hashes and verifies passwords with bcrypt. password_verifier.h checks logins with these
// functions.
//
//   absl::StatusOr<std::string> hash = HashPassword("s3cret");  // "$2b$10$…"
//   VerifyPassword("s3cret", *hash);                            // true, about 50 ms later
//
// New hashes are `$2b$`, the algorithm's current name, which every implementation reads. `$2a$` and
// `$2y$` (Go, htpasswd, PHP) are other names of the same algorithm; they verify as well.
//
// Thread-safe. libxcrypt computes the hashes; if it fails, the error is INTERNAL.
#ifndef REGISTRY_CONTROLPLANE_PASSWORDS_H_
#define REGISTRY_CONTROLPLANE_PASSWORDS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace registry::controlplane {

// bcrypt ignores further bytes of a password.
inline constexpr size_t kMaxPasswordBytes = 72;

// Cost of new hashes: 2^10 rounds, about 50 ms.
inline constexpr int kBcryptCost = 10;
inline constexpr int kMinBcryptCost = 4;
// Highest cost of hashes made elsewhere; each step doubles the time, and 16 takes about 3 s.
inline constexpr int kMaxBcryptCost = 16;

// Error: INVALID_ARGUMENT for an empty password, or one with more than 72 bytes or a NUL: bcrypt
// would silently ignore the rest.
absl::Status ValidatePassword(absl::string_view password);
absl::StatusOr<std::string> HashPassword(absl::string_view password);

// Returns true if `text` begins like a bcrypt hash; it may still be malformed.
bool LooksLikePasswordHash(absl::string_view text);

// Error: INVALID_ARGUMENT; it says what is wrong, without the hash.
absl::Status ValidatePasswordHash(absl::string_view hash);

// The cost of a valid hash.
int BcryptCostOf(absl::string_view hash);

// A valid hash that no password matches.
std::string MakeDecoyHash(int cost);

// Returns false for a password that ValidatePassword refuses, and for a malformed hash.
bool VerifyPassword(absl::string_view password, absl::string_view hash);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_PASSWORDS_H_
