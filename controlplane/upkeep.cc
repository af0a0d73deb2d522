#include "controlplane/upkeep.h"

#include <set>
#include <utility>
#include <vector>

#include "base/log.h"
#include "controlplane/trash.h"
#include "controlplane/uploads.h"

namespace registry::controlplane {
namespace {

bool NodeIsAway(const absl::Status& status) {
  return status.code() == absl::StatusCode::kUnavailable ||
         status.code() == absl::StatusCode::kDeadlineExceeded;
}

}  // namespace

void Upkeep::Start() {
  std::lock_guard lock(mutex_);
  thread_ = std::thread([this] { Loop(); });
}

void Upkeep::Stop() {
  std::thread ending;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    ending = std::move(thread_);
  }
  wake_.notify_all();
  if (ending.joinable()) ending.join();
}

void Upkeep::Loop() {
  while (!stopping_) {
    if (const absl::Status status = RunOnce(); !status.ok()) {
      base::LogError("upkeep failed; it is tried again", {{"error", status.message()}});
    }
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, options_.interval, [this] { return stopping_.load(); });
  }
}

absl::Status Upkeep::RunOnce() {
  absl::Status status = Expire();
  status.Update(DeleteTrash());
  return status;
}

absl::Status Upkeep::Expire() {
  if (options_.touches != nullptr) {
    if (absl::Status status = options_.touches->Flush(); !status.ok()) return status;
  }
  for (int batch = 0; batch < base::kUpkeepMaxBatches && !stopping_; ++batch) {
    const absl::StatusOr<int64_t> expired =
        ExpireUploads(*options_.database, base::kUpkeepBatch, options_.now_ms());
    if (!expired.ok()) return expired.status();
    if (*expired == 0) break;
  }
  return absl::OkStatus();
}

absl::Status Upkeep::DeleteTrash() {
  // Nodes that did not answer are not waited for again and again.
  std::set<std::string> away;
  for (int batch = 0; batch < base::kUpkeepMaxBatches && !stopping_; ++batch) {
    absl::StatusOr<std::vector<TrashItem>> items =
        ClaimTrash(*options_.database, base::kUpkeepBatch, options_.now_ms());
    if (!items.ok()) return items.status();
    if (items->empty()) break;
    std::vector<TrashItem> done;
    for (TrashItem& item : *items) {
      if (stopping_) break;
      if (away.contains(item.node)) continue;
      const absl::Status status = options_.nodes->Delete(item);
      if (status.ok()) {
        done.push_back(std::move(item));
        continue;
      }
      base::LogWarning(
          "cannot delete trash now; it is tried again",
          {{"incarnation", item.incarnation}, {"node", item.node}, {"error", status.message()}});
      if (NodeIsAway(status)) away.insert(item.node);
    }
    if (absl::Status status = ForgetTrash(*options_.database, done); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace registry::controlplane
