#include "controlplane/metadata/touches.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "oci/error.h"

namespace registry::controlplane {
namespace {

constexpr std::chrono::milliseconds kFullPoolRetry{100};

struct Rule {
  // A row is touched again if its last touch is older.
  int64_t interval_ms;
  // How long a touch protects the row.
  int64_t grace_ms;
};

Rule RuleOf(Touch::Kind kind) {
  if (kind == Touch::Kind::kUpload) {
    return {ToMs(base::kUploadTouchInterval), ToMs(base::kUploadIdleExpiry)};
  }
  return {ToMs(base::kTouchInterval), ToMs(base::kCollectionGrace)};
}

// A batch is lost as a whole if it is not committed within this time.
int64_t LongestDelayMs(Touch::Kind kind) { return RuleOf(kind).grace_ms / 8; }

absl::Status Gone(const Touch& touch) {
  switch (touch.kind) {
    case Touch::Kind::kBlob:
      return oci::MakeError(oci::ErrorCode::kBlobUnknown,
                            absl::StrCat("blob ", touch.id, " was just deleted"));
    case Touch::Kind::kManifest:
      return oci::MakeError(oci::ErrorCode::kManifestUnknown,
                            absl::StrCat("manifest ", touch.id, " was just deleted"));
    case Touch::Kind::kUpload:
      break;
  }
  return oci::MakeError(oci::ErrorCode::kBlobUploadUnknown,
                        absl::StrCat("upload ", touch.id, " has just ended; start a new one"));
}

// Returns false if the row is gone. A later touch by another process stays.
bool Write(Transaction& t, const Touch& touch, int64_t used_at_ms) {
  constexpr absl::string_view kSet =
      "SET touched_at_ms = CASE WHEN touched_at_ms > ?2 THEN touched_at_ms ELSE ?2 END WHERE ";
  switch (touch.kind) {
    case Touch::Kind::kBlob:
      return t.Execute(absl::StrCat("UPDATE blobs ", kSet, "digest = ?1 AND state = 'live'"),
                       {touch.id, used_at_ms}) > 0;
    case Touch::Kind::kManifest:
      return t.Execute(
                 absl::StrCat("UPDATE manifests ", kSet, "digest = ?1 AND repository_id = ?3"),
                 {touch.id, used_at_ms, touch.repository_id}) > 0;
    case Touch::Kind::kUpload:
      break;
  }
  return t.Execute(absl::StrCat("UPDATE uploads ", kSet, "id = ?1 AND state = 'open'"),
                   {touch.id, used_at_ms}) > 0;
}

absl::Status TooManyWait() {
  return absl::UnavailableError("too many requests wait for the database to write; try again");
}

}  // namespace

Touches::Touches(TouchesOptions options)
    : options_(std::move(options)), thread_([this] { Loop(); }) {}

void Touches::Record(const Touch& touch, int64_t touched_at_ms, Lateness lateness, Done done) {
  const Rule rule = RuleOf(touch.kind);
  const int64_t now_ms = options_.now_ms();
  const int64_t age_ms = now_ms - touched_at_ms;
  if (age_ms <= rule.interval_ms) return done(absl::OkStatus());
  const bool late = lateness == Lateness::kAlways || age_ms < rule.grace_ms / 2;

  absl::Status answer;
  {
    std::lock_guard lock(mutex_);
    const auto found = pending_.find(touch);
    if (stopping_) {
      answer = absl::UnavailableError("the registry is shutting down");
    } else if (found == pending_.end() && pending_.size() >= options_.max_waiting) {
      if (failing_) {
        ++given_up_;
      } else {
        answer = TooManyWait();
      }
    } else if (!late && waiting_.size() >= options_.max_waiting) {
      answer = TooManyWait();
    } else {
      if (found == pending_.end()) {
        pending_.emplace(touch, Pending{.used_at_ms = now_ms, .recorded_at_ms = now_ms});
      } else {
        found->second.used_at_ms = std::max(found->second.used_at_ms, now_ms);
      }
      const SteadyTime now = std::chrono::steady_clock::now();
      if (late) {
        OrderWrite(now + (failing_ ? options_.retry_interval : options_.flush_interval));
      } else {
        waiting_.push_back(
            {.touch = touch, .deadline = now + options_.answer_timeout, .done = std::move(done)});
        OrderWrite(now);
        return;
      }
    }
  }
  done(answer);
}

void Touches::OrderWrite(SteadyTime at) {
  // The thread must also learn of a new deadline.
  write_at_ = std::min(write_at_, at);
  changed_.notify_all();
}

void Touches::Loop() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const SteadyTime now = std::chrono::steady_clock::now();
    if (std::vector<Answer> late = TakeLate(now); !late.empty()) {
      lock.unlock();
      for (Answer& answer : late) answer.done(answer.status);
      lock.lock();
      continue;
    }
    if (!writing_ && write_at_ <= now) {
      writing_ = true;
      write_at_ = SteadyTime::max();
      lock.unlock();
      const bool queued = options_.writers->Submit([this] { WriteFromPool(); });
      lock.lock();
      if (!queued) {
        writing_ = false;
        OrderWrite(now + kFullPoolRetry);
      }
      continue;
    }
    SteadyTime next = writing_ ? SteadyTime::max() : write_at_;
    if (!waiting_.empty()) next = std::min(next, waiting_.front().deadline);
    if (next == SteadyTime::max()) {
      changed_.wait(lock);
    } else {
      changed_.wait_until(lock, next);
    }
  }
}

std::vector<Touches::Answer> Touches::TakeLate(SteadyTime now) {
  std::vector<Answer> late;
  while (!waiting_.empty() && waiting_.front().deadline <= now) {
    late.push_back({.done = std::move(waiting_.front().done),
                    .status = absl::UnavailableError(
                        "the database is busy writing, and this request has to be recorded; try "
                        "again")});
    waiting_.pop_front();
  }
  return late;
}

void Touches::WriteFromPool() {
  // Its failure is logged, and the next attempt is scheduled.
  WriteBatch().IgnoreError();
  std::lock_guard lock(mutex_);
  writing_ = false;
  if (!pending_.empty() && !failing_) {
    const bool full_batch = pending_.size() >= base::kTouchBatch;
    OrderWrite(std::chrono::steady_clock::now() +
               (full_batch ? std::chrono::milliseconds(0) : options_.flush_interval));
  }
  changed_.notify_all();
}

Touches::Batch Touches::TakeBatch() {
  // Touches that an answer waits for go first.
  Batch batch;
  for (const Waiting& waiting : waiting_) {
    if (batch.size() == base::kTouchBatch) break;
    batch.insert(pending_.extract(waiting.touch));
  }
  while (!pending_.empty() && batch.size() < base::kTouchBatch) {
    batch.insert(pending_.extract(pending_.begin()));
  }
  return batch;
}

void Touches::PutBack(const Batch& batch) {
  const int64_t now_ms = options_.now_ms();
  for (const auto& [touch, use] : batch) {
    if (pending_.contains(touch)) continue;
    if (now_ms - use.recorded_at_ms >= LongestDelayMs(touch.kind) ||
        pending_.size() >= options_.max_waiting) {
      ++given_up_;
    } else {
      pending_.emplace(touch, use);
    }
  }
}

absl::Status Touches::WriteBatch() {
  std::lock_guard writing(write_mutex_);
  Batch batch;
  bool answers_wait = false;
  {
    std::lock_guard lock(mutex_);
    batch = TakeBatch();
    answers_wait = !waiting_.empty();
  }
  if (batch.empty()) return absl::OkStatus();
  std::set<Touch> gone;
  // An answer promises that the touch is durable; who does not wait has grace left.
  const TransactionMode mode =
      answers_wait ? TransactionMode::kWrite : TransactionMode::kUnflushedWrite;
  const absl::Status status = RunTransaction(*options_.database, mode, [&](Transaction& t) {
    gone.clear();
    for (const auto& [touch, use] : batch) {
      if (!Write(t, touch, use.used_at_ms)) gone.insert(touch);
    }
    return absl::OkStatus();
  });

  std::vector<Answer> answers;
  size_t pending = 0;
  int64_t given_up = 0;
  {
    std::lock_guard lock(mutex_);
    failing_ = !status.ok();
    if (failing_) {
      PutBack(batch);
      if (!pending_.empty()) {
        OrderWrite(std::chrono::steady_clock::now() + options_.retry_interval);
      }
    }
    pending = pending_.size();
    given_up = std::exchange(given_up_, 0);
    for (auto waiting = waiting_.begin(); waiting != waiting_.end();) {
      if (!batch.contains(waiting->touch)) {
        ++waiting;
        continue;
      }
      // If the database cannot write, the answer is OK: see the header.
      const bool lost = status.ok() && gone.contains(waiting->touch);
      answers.push_back({.done = std::move(waiting->done),
                         .status = lost ? Gone(waiting->touch) : absl::OkStatus()});
      waiting = waiting_.erase(waiting);
    }
  }
  if (!status.ok()) {
    base::LogWarning("cannot record uses of blobs, manifests or uploads; retrying",
                     {{"waiting", pending}, {"given_up", given_up}, {"error", status.message()}});
  } else if (given_up > 0) {
    base::LogWarning("uses of blobs, manifests or uploads were not recorded",
                     {{"given_up", given_up}});
  }
  for (Answer& answer : answers) answer.done(answer.status);
  return status;
}

absl::Status Touches::Flush() {
  size_t left = 0;
  {
    std::lock_guard lock(mutex_);
    left = pending_.size() + 1;
  }
  // Touches recorded meanwhile need not be waited for. Runs at least once: a batch may be in
  // progress.
  for (size_t batch = 0; batch * base::kTouchBatch < left; ++batch) {
    if (absl::Status status = WriteBatch(); !status.ok()) return status;
  }
  return absl::OkStatus();
}

void Touches::Stop() {
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return;
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !writing_; });
  }
  // Only the log can report this now.
  Flush().IgnoreError();
  std::vector<Answer> late;
  {
    std::lock_guard lock(mutex_);
    late = TakeLate(SteadyTime::max());
  }
  for (Answer& answer : late) answer.done(answer.status);
}

}  // namespace registry::controlplane
