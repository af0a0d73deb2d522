// Checks logins. Caches successes to spare bcrypt, and limits password guessing.
//
//   PasswordVerifier verifier({});
//   verifier.Verify({.user = "alice", .client = "192.0.2.7", …}, [](PasswordAnswer answer) {…});
//
// bcrypt runs on separate threads, one per core, behind a bounded queue. Each client address has a
// limited share of the queue and addresses take turns, so a flood from one hardly delays others.
// The verifier remembers successful logins per client address: repeated logins cost one bcrypt. It
// keeps no passwords, only their HMAC under a random key of this process. Another password, or a
// changed hash, finds no entry.
//
// For one user from one client address, the verifier checks at most base::kMaxLoginFailures wrong
// passwords per base::kLoginFailureWindow (login_failures.h), whether the user exists or not. Then
// it refuses the correct password too, even if remembered: otherwise an attacker could try
// passwords at the speed of a look-up until one is accepted.
//
// Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_ACCESS_PASSWORD_VERIFIER_H_
#define REGISTRY_CONTROLPLANE_ACCESS_PASSWORD_VERIFIER_H_

#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <initializer_list>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "base/limits.h"
#include "base/lru_cache.h"
#include "base/worker_pool.h"
#include "controlplane/access/login_failures.h"
#include "controlplane/passwords.h"

namespace registry::controlplane {

enum class PasswordVerdict {
  kCorrect,
  kWrong,
  // Too many password checks are waiting, in total or from this client.
  kBusy,
  // Too many failed logins of this user from this client address.
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
  // Checks from one client address that wait or run.
  size_t max_queued_of_client = base::kPasswordQueueOfClient;
  // Logins that wait for another login's check of the same password: at most one per connection.
  size_t max_joined = base::kMaxConnections;
  size_t max_remembered = base::kVerifiedPasswordEntries;
  LoginFailuresOptions failures = {};
  // Tests count and delay checks here.
  std::function<bool(absl::string_view password, absl::string_view hash)> verify = VerifyPassword;
};

class PasswordVerifier {
 public:
  using Callback = std::function<void(PasswordAnswer)>;
  // Returns true if nobody waits for the answer any more. Called before the callback, not after it.
  using Abandoned = std::function<bool()>;

  struct Login {
    std::string user;
    std::string password;
    // The user's hash, or Policy::decoy_hash if there is no such user.
    std::string password_hash;
    // The highest cost of all users' hashes. A wrong password takes as long as with that cost.
    int highest_cost = kMinBcryptCost;
    // The client's address, from AddressGroup.
    std::string client;
  };

  explicit PasswordVerifier(PasswordVerifierOptions options);

  // Finishes the queued checks first.
  ~PasswordVerifier() = default;

  PasswordVerifier(const PasswordVerifier&) = delete;
  PasswordVerifier& operator=(const PasswordVerifier&) = delete;

  // Calls `done` once: immediately if no bcrypt is needed, else later from a thread of the pool.
  // Concurrent identical logins share one check, and count as one failure. Does not block.
  // A login that is abandoned in the queue costs no bcrypt, is answered kBusy, and is no failure.
  void Verify(Login login, Callback done, Abandoned abandoned = {});

 private:
  struct Waiting {
    Callback done;
    Abandoned abandoned;
  };
  // A login that waits for its check or is being checked, with the callbacks to call.
  struct Running {
    std::vector<Waiting> waiting;
    // The attempt to pass to LoginFailures::GiveBack.
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
  // Queues the job until its client's turn; returns false if too many wait.
  bool Enqueue(Job job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // On a thread of the pool: checks the oldest job of the client whose turn it is.
  void CheckNext();
  Job TakeNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The check has ended: other logins can no longer join it.
  Running TakeRunning(const Job& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Matches(const Login& login) const;

  const PasswordVerifierOptions options_;
  const std::string hmac_key_;

  LoginFailures failures_;
  // Counts passwords that differ from a remembered one. A login that finds the queue full is not a
  // failure, but its password was compared: after too many of those, Verify compares no more.
  LoginFailures compared_;

  std::mutex mutex_;
  // Successful logins. Keys are HMACs of client and user, values HMACs of these plus hash and
  // password.
  base::LruCache<std::string> remembered_ ABSL_GUARDED_BY(mutex_);
  // Keyed by login_key.
  absl::flat_hash_map<std::string, Running> running_ ABSL_GUARDED_BY(mutex_);
  // Waiting jobs by client, and the clients with waiting jobs, next client first.
  absl::flat_hash_map<std::string, std::deque<Job>> jobs_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::string> turns_ ABSL_GUARDED_BY(mutex_);
  // Number of logins of each client that wait or are being checked.
  absl::flat_hash_map<std::string, size_t> running_of_client_ ABSL_GUARDED_BY(mutex_);
  size_t joined_ ABSL_GUARDED_BY(mutex_) = 0;

  // The last member: its threads use the others.
  base::WorkerPool pool_;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_ACCESS_PASSWORD_VERIFIER_H_
