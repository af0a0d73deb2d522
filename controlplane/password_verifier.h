// Checks logins without paying for bcrypt each time, and without letting anybody guess.
//
//   PasswordVerifier verifier({});
//   verifier.Verify({.user = "alice", .client = "192.0.2.7", …}, [](PasswordAnswer answer) {…});
//
// bcrypt runs on threads of its own, one a core, behind a bounded queue, of which no client address
// has more than its share; addresses take turns, so a flood from one hardly delays another. What
// verified is remembered, for the client address that it came from: repeated logins cost one
// bcrypt. Passwords themselves are not kept, only their HMAC under a random key of this process;
// for another password, or a hash that changed, nothing is remembered.
//
// Of one user from one client address, no more than base::kMaxLoginFailures wrong passwords are
// checked in a base::kLoginFailureWindow (login_failures.h), whether there is such a user or not.
// Then the right one is refused too, even where it is remembered: if it were not, anybody could
// try passwords at the speed of a look-up until one is not refused.
//
// Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_PASSWORD_VERIFIER_H_
#define REGISTRY_CONTROLPLANE_PASSWORD_VERIFIER_H_

#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <initializer_list>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "base/limits.h"
#include "base/worker_pool.h"
#include "controlplane/login_failures.h"
#include "controlplane/passwords.h"

namespace registry::controlplane {

enum class PasswordVerdict {
  kCorrect,
  kWrong,
  // Too many passwords are waiting to be checked, of all clients or of this one.
  kBusy,
  // This user failed too often from this client address.
  kTooManyFailures,
};

struct PasswordAnswer {
  PasswordVerdict verdict;
  // With kTooManyFailures: when to try again.
  std::chrono::milliseconds retry_after{0};
};

struct PasswordVerifierOptions {
  // bcrypt occupies a core while it runs.
  size_t threads = std::max(1u, std::thread::hardware_concurrency());
  size_t max_queued = base::kPasswordQueue;
  // Checks of one client address that wait or run.
  size_t max_queued_of_client = base::kPasswordQueueOfClient;
  // Logins that wait for the same password as another one does: at most one a connection.
  size_t max_joined = base::kMaxConnections;
  size_t max_remembered = base::kVerifiedPasswordEntries;
  LoginFailuresOptions failures = {};
  // Tests count and delay checks here.
  std::function<bool(absl::string_view password, absl::string_view hash)> verify = VerifyPassword;
};

class PasswordVerifier {
 public:
  using Callback = std::function<void(PasswordAnswer)>;

  struct Login {
    std::string user;
    std::string password;
    // Of the user, or of nobody (Policy::decoy_hash).
    std::string password_hash;
    // The cost of the costliest hash there is. A wrong password takes as long as with that one.
    int highest_cost = kMinBcryptCost;
    // Where it comes from, as AddressGroup says it.
    std::string client;
  };

  explicit PasswordVerifier(PasswordVerifierOptions options);

  // Checks what is queued, then ends.
  ~PasswordVerifier() = default;

  PasswordVerifier(const PasswordVerifier&) = delete;
  PasswordVerifier& operator=(const PasswordVerifier&) = delete;

  // Calls `done` once: at once when no bcrypt is needed, else later from a thread of the pool. The
  // same login at the same time is checked once for all, and fails once. Does not block.
  void Verify(Login login, Callback done);

 private:
  // A login that verified. Keys are HMACs: of client and user; of these with hash and password.
  struct Remembered {
    std::string pair_key;
    std::string login_key;
  };
  // A login that waits for its check or is being checked, and who waits for it.
  struct Running {
    std::vector<Callback> waiting;
    // What LoginFailures::GiveBack takes.
    std::optional<int64_t> attempt;
  };
  struct Job {
    Login login;
    std::string pair_key;
    std::string login_key;
  };

  std::string Key(std::initializer_list<absl::string_view> parts) const;
  bool IsRemembered(const Login& login, const std::string& pair_key, const std::string& login_key)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Remember(const std::string& pair_key, const std::string& login_key)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Has it checked when its client's turn comes; false when too many wait.
  bool Enqueue(Job job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // On a thread of the pool: the oldest job of the client whose turn it is.
  void CheckNext();
  Job TakeNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Matches(const Login& login) const;

  const PasswordVerifierOptions options_;
  const std::string hmac_key_;

  LoginFailures failures_;
  // Passwords that were compared with a remembered one, and differed. A login that finds the queue
  // full is no failure, but was compared: after too many of those nothing is compared any more.
  LoginFailures compared_;

  std::mutex mutex_;
  // Newest first.
  std::list<Remembered> remembered_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<absl::string_view, std::list<Remembered>::iterator> remembered_index_
      ABSL_GUARDED_BY(mutex_);
  // By the key of the login.
  absl::flat_hash_map<std::string, Running> running_ ABSL_GUARDED_BY(mutex_);
  // What waits, by client, and the clients of whom something waits, the next one first.
  absl::flat_hash_map<std::string, std::deque<Job>> jobs_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::string> turns_ ABSL_GUARDED_BY(mutex_);
  // How many logins of each client wait or are being checked.
  absl::flat_hash_map<std::string, size_t> running_of_client_ ABSL_GUARDED_BY(mutex_);
  size_t joined_ ABSL_GUARDED_BY(mutex_) = 0;

  // The last member: its threads use the others.
  base::WorkerPool pool_;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_PASSWORD_VERIFIER_H_
