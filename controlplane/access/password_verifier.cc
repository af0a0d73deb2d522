#include "controlplane/access/password_verifier.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/quote.h"

namespace registry::controlplane {

PasswordVerifier::PasswordVerifier(PasswordVerifierOptions options)
    : options_(std::move(options)),
      hmac_key_(base::RandomBytes(32)),
      failures_(options_.failures),
      compared_(options_.failures),
      remembered_({.max_entries = options_.max_remembered}),
      pool_(options_.threads, options_.max_queued) {}

std::string PasswordVerifier::Key(std::initializer_list<absl::string_view> parts) const {
  std::string text;
  // The sizes distinguish ("a", "bc") from ("ab", "c").
  for (const absl::string_view part : parts) absl::StrAppend(&text, part.size(), ":", part);
  return base::HmacSha256(hmac_key_, text);
}

void PasswordVerifier::Verify(Login login, Callback done, Abandoned abandoned) {
  const std::string pair_key = Key({login.client, login.user});
  const std::string login_key =
      Key({login.client, login.user, login.password_hash, login.password});
  PasswordAnswer answer{.verdict = PasswordVerdict::kBusy};
  // Set on the first refusal, to log it.
  std::string refused_user;
  {
    // Held throughout: no other login of the pair may run between a login's check and its count.
    std::lock_guard lock(mutex_);
    if (const auto refusal = failures_.Refusal(login.user, login.client)) {
      answer = {.verdict = PasswordVerdict::kTooManyFailures, .retry_after = refusal->wait};
      if (refusal->first) refused_user = base::Quote(login.user);
    } else if (!ValidatePassword(login.password).ok()) {
      // Wrong for every user, so an immediate answer reveals nothing. Not counted: logins that cost
      // no bcrypt must not fill the memory of failures.
      answer.verdict = PasswordVerdict::kWrong;
    } else if (IsRemembered(login, pair_key, login_key)) {
      answer.verdict = PasswordVerdict::kCorrect;
    } else if (const auto running = running_.find(login_key); running != running_.end()) {
      if (joined_ < options_.max_joined) {
        ++joined_;
        running->second.waiting.push_back({std::move(done), std::move(abandoned)});
        return;
      }
    } else if (Enqueue({login, pair_key, login_key})) {
      running_[login_key].waiting.push_back({std::move(done), std::move(abandoned)});
      return;
    }
  }
  if (!refused_user.empty()) {
    base::LogWarning("logins refused: too many failures",
                     {{"user", refused_user}, {"client", login.client}});
  }
  done(answer);
}

// A password that differs from the remembered one is wrong, but goes to bcrypt all the same, so
// that the time does not reveal which users are remembered.
bool PasswordVerifier::IsRemembered(const Login& login, const std::string& pair_key,
                                    const std::string& login_key) {
  const std::string* remembered = remembered_.Find(pair_key);
  if (remembered == nullptr) return false;
  if (compared_.Refusal(login.user, login.client)) return false;
  if (base::ConstantTimeEquals(*remembered, login_key)) return true;
  compared_.Reserve(login.user, login.client);
  return false;
}

bool PasswordVerifier::Enqueue(Job job) {
  const std::string client = job.login.client;
  const auto of_client = running_of_client_.find(client);
  if (of_client != running_of_client_.end() && of_client->second >= options_.max_queued_of_client) {
    return false;
  }
  // Submits one CheckNext per job; a free thread then picks the client whose turn it is.
  if (!pool_.Submit([this] { CheckNext(); })) return false;
  ++running_of_client_[client];
  running_[job.login_key].attempt = failures_.Reserve(job.login.user, client);
  std::deque<Job>& jobs = jobs_[client];
  if (jobs.empty()) turns_.push_back(client);
  jobs.push_back(std::move(job));
  return true;
}

PasswordVerifier::Job PasswordVerifier::TakeNext() {
  std::string client = std::move(turns_.front());
  turns_.pop_front();
  const auto jobs = jobs_.find(client);
  Job job = std::move(jobs->second.front());
  jobs->second.pop_front();
  if (jobs->second.empty()) {
    jobs_.erase(jobs);
  } else {
    turns_.push_back(std::move(client));
  }
  return job;
}

bool PasswordVerifier::Matches(const Login& login) const {
  if (options_.verify(login.password, login.password_hash)) return true;
  // Each cost takes twice the time of the previous: together they take as long as the highest cost.
  for (int cost = BcryptCostOf(login.password_hash); cost < login.highest_cost; ++cost) {
    options_.verify(login.password, MakeDecoyHash(cost));
  }
  return false;
}

PasswordVerifier::Running PasswordVerifier::TakeRunning(const Job& job) {
  Running running = std::move(running_.extract(job.login_key).mapped());
  joined_ -= running.waiting.size() - 1;
  const auto of_client = running_of_client_.find(job.login.client);
  if (--of_client->second == 0) running_of_client_.erase(of_client);
  return running;
}

void PasswordVerifier::CheckNext() {
  Job job;
  Running check;
  PasswordAnswer answer{.verdict = PasswordVerdict::kBusy};
  const auto give_back = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (check.attempt) failures_.GiveBack(job.login.user, job.login.client, *check.attempt);
  };
  {
    std::lock_guard lock(mutex_);
    job = TakeNext();
    const std::vector<Waiting>& waiting = running_[job.login_key].waiting;
    if (std::all_of(waiting.begin(), waiting.end(),
                    [](const Waiting& w) { return w.abandoned && w.abandoned(); })) {
      check = TakeRunning(job);
      give_back();
    }
  }
  if (check.waiting.empty()) {
    const bool correct = Matches(job.login);
    answer.verdict = correct ? PasswordVerdict::kCorrect : PasswordVerdict::kWrong;
    std::lock_guard lock(mutex_);
    check = TakeRunning(job);
    if (correct) {
      give_back();
      remembered_.Put(job.pair_key, job.login_key, job.pair_key.size() + job.login_key.size());
    }
  }
  for (Waiting& waiting : check.waiting) waiting.done(answer);
}

}  // namespace registry::controlplane
