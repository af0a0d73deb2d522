#include "controlplane/upkeep/upkeep.h"

#include <set>
#include <utility>
#include <vector>

#include "base/log.h"
#include "controlplane/metadata/upload_room.h"
#include "controlplane/metadata/uploads.h"
#include "controlplane/storage/trash.h"
#include "controlplane/upkeep/upload_sweep.h"

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
      base::LogError("upkeep failed; retrying later", {{"error", status.message()}});
    }
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, options_.interval, [this] { return stopping_.load() || woken_; });
    woken_ = false;
  }
}

void Upkeep::Wake() {
  {
    std::lock_guard lock(mutex_);
    woken_ = true;
  }
  wake_.notify_all();
}

void Upkeep::MakeRoom(const std::string& principal) {
  {
    std::lock_guard lock(mutex_);
    if (room_requests_.principals.size() < base::kMaxRoomRequests) {
      room_requests_.principals.insert(principal);
    } else {
      room_requests_.everybody = true;
    }
  }
  Wake();
}

absl::Status Upkeep::RunOnce() {
  std::lock_guard lock(run_mutex_);
  // Before anything ends for being idle.
  absl::Status status = options_.touches != nullptr ? options_.touches->Flush() : absl::OkStatus();
  if (status.ok()) status = EndIdle();
  if (status.ok()) status = Expire();
  status.Update(DeleteTrash());
  Sweep();
  return status;
}

absl::Status Upkeep::EndIdle() {
  RoomRequests requests;
  {
    std::lock_guard lock(mutex_);
    std::swap(requests, room_requests_);
  }
  for (const std::string& principal : requests.principals) {
    const absl::StatusOr<int64_t> ended = EndIdleOf(principal);
    if (!ended.ok()) return ended.status();
    if (*ended == 0) requests.everybody = true;
  }
  return requests.everybody ? EndIdleOf(std::nullopt).status() : absl::OkStatus();
}

absl::StatusOr<int64_t> Upkeep::EndIdleOf(const std::optional<std::string>& principal) {
  int64_t ended = 0;
  for (int batch = 0; batch < base::kUpkeepMaxBatches && !stopping_; ++batch) {
    const absl::StatusOr<int64_t> more =
        EndIdleUploads(*options_.database, principal, base::kUpkeepBatch, options_.now_ms());
    if (!more.ok()) return more.status();
    if (*more == 0) break;
    ended += *more;
  }
  if (ended > 0) {
    base::LogInfo("ended idle uploads to make room",
                  {{"uploads", ended}, {"of", principal.value_or("all")}});
  }
  return ended;
}

absl::Status Upkeep::Expire() {
  for (int batch = 0; batch < base::kUpkeepMaxBatches && !stopping_; ++batch) {
    const absl::StatusOr<int64_t> expired =
        ExpireUploads(*options_.database, base::kUpkeepBatch, options_.now_ms());
    if (!expired.ok()) return expired.status();
    if (*expired == 0) break;
  }
  return absl::OkStatus();
}

absl::Status Upkeep::DeleteTrash() {
  // Nodes that did not answer: do not wait for them again.
  std::set<std::string> away;
  const NodeClient nodes(*options_.nodes);
  for (int batch = 0; batch < base::kUpkeepMaxBatches && !stopping_; ++batch) {
    absl::StatusOr<std::vector<TrashItem>> items =
        ClaimTrash(*options_.database, base::kUpkeepBatch, options_.now_ms());
    if (!items.ok()) return items.status();
    if (items->empty()) break;
    std::vector<TrashItem> done;
    for (TrashItem& item : *items) {
      if (stopping_) break;
      if (away.contains(item.node)) continue;
      const absl::Status status = nodes.Delete(item);
      if (status.ok()) {
        done.push_back(std::move(item));
        continue;
      }
      base::LogWarning(
          "cannot delete trash; retrying later",
          {{"incarnation", item.incarnation}, {"node", item.node}, {"error", status.message()}});
      if (NodeIsAway(status)) away.insert(item.node);
    }
    if (absl::Status status = ForgetTrash(*options_.database, done, options_.now_ms());
        !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

void Upkeep::Sweep() {
  const int64_t now_ms = options_.now_ms();
  for (const std::string& node : options_.nodes->ids()) {
    int64_t& at_ms = sweep_at_ms_[node];
    if (stopping_ || now_ms < at_ms) continue;
    const absl::StatusOr<int64_t> swept = SweepUploads(
        *options_.database, NodeClient(*options_.nodes), node, [this] { return stopping_.load(); });
    if (swept.ok()) {
      at_ms = now_ms + ToMs(base::kUploadSweepInterval);
      continue;
    }
    base::LogWarning("cannot search a storage node for bytes without a row; retrying later",
                     {{"node", node}, {"error", swept.status().message()}});
  }
}

}  // namespace registry::controlplane
