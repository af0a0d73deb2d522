// Passwords: bcrypt hashes, and checking logins without paying for bcrypt each time.
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

#include <algorithm>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/limits.h"
#include "base/worker_pool.h"

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

enum class PasswordVerdict {
  kCorrect,
  kWrong,
  // Too many passwords are waiting to be checked.
  kBusy,
};

struct PasswordVerifierOptions {
  // bcrypt occupies a core while it runs.
  size_t threads = std::max(1u, std::thread::hardware_concurrency());
  size_t max_queued = base::kPasswordQueue;
  // Logins that wait for the same password as another one does: at most one a connection.
  size_t max_joined = base::kMaxConnections;
  size_t max_remembered = base::kVerifiedPasswordEntries;
  // Tests count and delay checks here.
  std::function<bool(absl::string_view password, absl::string_view hash)> verify = VerifyPassword;
};

// Checks passwords on threads of its own. Remembers what verified: for a hash that changed, or for
// another password, nothing is remembered. Passwords themselves are not kept, only their HMAC under
// a random key of this process.
class PasswordVerifier {
 public:
  using Callback = std::function<void(PasswordVerdict)>;

  struct Login {
    std::string user;
    std::string password;
    // Of the user, or of nobody (Policy::decoy_hash).
    std::string password_hash;
  };

  explicit PasswordVerifier(PasswordVerifierOptions options);

  // Checks what is queued, then ends.
  ~PasswordVerifier() = default;

  PasswordVerifier(const PasswordVerifier&) = delete;
  PasswordVerifier& operator=(const PasswordVerifier&) = delete;

  // Calls `done` once: at once when no bcrypt is needed, else later from a thread of the pool. The
  // same login at the same time is checked once for all. Does not block.
  void Verify(Login login, Callback done);

 private:
  void Check(const Login& login, const std::string& key);
  void Remember(const std::string& key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const PasswordVerifierOptions options_;
  // Keys of the maps are the HMAC of user, hash and password.
  const std::string hmac_key_;

  std::mutex mutex_;
  // Newest first.
  std::list<std::string> remembered_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<absl::string_view, std::list<std::string>::iterator> remembered_index_
      ABSL_GUARDED_BY(mutex_);
  // Logins that are being checked, and who waits for each.
  absl::flat_hash_map<std::string, std::vector<Callback>> running_ ABSL_GUARDED_BY(mutex_);
  size_t joined_ ABSL_GUARDED_BY(mutex_) = 0;

  // The last member: its threads use the others.
  base::WorkerPool pool_;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_PASSWORDS_H_
