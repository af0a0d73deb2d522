#include "controlplane/access/login_failures.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/hash.h"

namespace registry::controlplane {

int64_t SteadyNowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

LoginFailures::LoginFailures(LoginFailuresOptions options)
    : options_(std::move(options)), hmac_key_(base::RandomBytes(32)) {}

std::string LoginFailures::KeyOf(absl::string_view user, absl::string_view client) const {
  return base::HmacSha256(hmac_key_, absl::StrCat(client.size(), ":", client, user));
}

void LoginFailures::Forget(Pair& pair, int64_t now_ms) const {
  const int64_t begin_ms = now_ms - ToMs(options_.window);
  const auto kept = std::find_if(pair.attempts_ms.begin(), pair.attempts_ms.end(),
                                 [&](int64_t at_ms) { return at_ms > begin_ms; });
  pair.attempts_ms.erase(pair.attempts_ms.begin(), kept);
}

std::optional<LoginFailures::TooMany> LoginFailures::Refusal(absl::string_view user,
                                                             absl::string_view client) {
  const std::string key = KeyOf(user, client);
  std::lock_guard lock(mutex_);
  const auto found = pairs_.find(key);
  if (found == pairs_.end()) return std::nullopt;
  Pair& pair = found->second;
  const int64_t now_ms = options_.now_ms();
  Forget(pair, now_ms);
  if (pair.attempts_ms.size() < options_.limit) return std::nullopt;
  const bool first =
      !pair.refused_ms.has_value() || *pair.refused_ms <= now_ms - ToMs(options_.window);
  if (first) pair.refused_ms = now_ms;
  return TooMany{
      .wait = std::chrono::milliseconds(pair.attempts_ms.front() + ToMs(options_.window) - now_ms),
      .first = first};
}

std::optional<int64_t> LoginFailures::Reserve(absl::string_view user, absl::string_view client) {
  std::string key = KeyOf(user, client);
  std::lock_guard lock(mutex_);
  const int64_t now_ms = options_.now_ms();
  auto found = pairs_.find(key);
  if (found == pairs_.end()) {
    if (pairs_.size() >= options_.max_pairs) MakeRoom(now_ms);
    found = pairs_.try_emplace(std::move(key)).first;
  }
  Forget(found->second, now_ms);
  if (found->second.attempts_ms.size() >= options_.limit) return std::nullopt;
  found->second.attempts_ms.push_back(now_ms);
  return now_ms;
}

void LoginFailures::GiveBack(absl::string_view user, absl::string_view client, int64_t attempt) {
  const std::string key = KeyOf(user, client);
  std::lock_guard lock(mutex_);
  const auto found = pairs_.find(key);
  if (found == pairs_.end()) return;
  std::vector<int64_t>& attempts_ms = found->second.attempts_ms;
  const auto given = std::find(attempts_ms.begin(), attempts_ms.end(), attempt);
  if (given != attempts_ms.end()) attempts_ms.erase(given);
  if (attempts_ms.empty()) pairs_.erase(found);
}

// Scans all pairs, which takes less time than the bcrypt that each new pair costs.
void LoginFailures::MakeRoom(int64_t now_ms) {
  absl::erase_if(pairs_, [&](auto& entry) {
    Forget(entry.second, now_ms);
    return entry.second.attempts_ms.empty();
  });
  if (pairs_.size() < options_.max_pairs) return;
  const auto least =
      std::min_element(pairs_.begin(), pairs_.end(), [](const auto& a, const auto& b) {
        const auto& x = a.second.attempts_ms;
        const auto& y = b.second.attempts_ms;
        return std::pair(x.size(), x.back()) < std::pair(y.size(), y.back());
      });
  pairs_.erase(least);
}

}  // namespace registry::controlplane
