// Passwords and their bcrypt hashes. password_verifier.h checks logins with them.
//
//   absl::StatusOr<std::string> hash = HashPassword("s3cret");  // "$2b$10$…"
//   VerifyPassword("s3cret", *hash);                            // true, about 50 ms later
//
// New hashes are `$2b$`: the present name of the algorithm, read by every implementation. `$2a$`
// and `$2y$` (Go, htpasswd, PHP) are the same algorithm under other names and verify as well.
//
// Everything here is thread-safe. Hashing is by libxcrypt; its failing is an INTERNAL error.
#ifndef REGISTRY_CONTROLPLANE_PASSWORDS_H_
#define REGISTRY_CONTROLPLANE_PASSWORDS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace registry::controlplane {

// bcrypt reads no more than this of a password.
inline constexpr size_t kMaxPasswordBytes = 72;

// Of new hashes: 2^10 rounds, about 50 ms.
inline constexpr int kBcryptCost = 10;
inline constexpr int kMinBcryptCost = 4;
// Of hashes made elsewhere; each step doubles the time, and 16 takes about 3 s.
inline constexpr int kMaxBcryptCost = 16;

// Errors: INVALID_ARGUMENT for an empty password, one of more than 72 bytes or one with a NUL:
// bcrypt would silently ignore what follows.
absl::Status ValidatePassword(absl::string_view password);
absl::StatusOr<std::string> HashPassword(absl::string_view password);

// Whether `text` claims to be a bcrypt hash; it may still be a malformed one.
bool LooksLikePasswordHash(absl::string_view text);

// Error: INVALID_ARGUMENT that says what is wrong, without the hash.
absl::Status ValidatePasswordHash(absl::string_view hash);

// Of a valid hash.
int BcryptCostOf(absl::string_view hash);

// A valid hash that no password matches.
std::string MakeDecoyHash(int cost);

// False also for a password that ValidatePassword refuses, and for a malformed hash.
bool VerifyPassword(absl::string_view password, absl::string_view hash);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_PASSWORDS_H_
