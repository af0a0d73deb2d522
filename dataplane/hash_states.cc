#include "dataplane/hash_states.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "dataplane/file.h"

namespace registry::dataplane {

absl::StatusOr<HashState> HashFile(int fd, int64_t size_bytes, absl::string_view path,
                                   oci::DigestAlgorithm algorithm,
                                   const std::function<bool()>& cancelled) {
  constexpr size_t kBufferBytes = 256 * 1024;
  HashState state(algorithm);
  const std::unique_ptr<char[]> buffer(new char[kBufferBytes]);
  while (state.size_bytes < size_bytes) {
    if (cancelled()) return absl::CancelledError("the request was cancelled");
    const size_t wanted =
        std::min<size_t>(kBufferBytes, static_cast<size_t>(size_bytes - state.size_bytes));
    absl::StatusOr<size_t> n = ReadAt(fd, state.size_bytes, buffer.get(), wanted, path);
    if (!n.ok()) return n.status();
    state.Update(absl::string_view(buffer.get(), *n));
    if (*n < wanted) {
      return absl::DataLossError(
          absl::StrCat(path, " became shorter while it was read: ", state.size_bytes,
                       " instead of ", size_bytes, " bytes"));
    }
  }
  return state;
}

void HashStates::Put(const Incarnation& incarnation, HashState state) {
  const std::string& key = incarnation.ToString();
  std::lock_guard lock(mutex_);
  if (const auto it = index_.find(key); it != index_.end()) {
    list_.erase(it->second);
    index_.erase(it);
  }
  list_.emplace_front(key, std::move(state));
  index_[key] = list_.begin();
  if (list_.size() > max_entries_) {
    index_.erase(list_.back().first);
    list_.pop_back();
  }
}

std::optional<HashState> HashStates::Take(const Incarnation& incarnation) {
  std::lock_guard lock(mutex_);
  const auto it = index_.find(incarnation.ToString());
  if (it == index_.end()) return std::nullopt;
  std::optional<HashState> state = std::move(it->second->second);
  list_.erase(it->second);
  index_.erase(it);
  return state;
}

}  // namespace registry::dataplane
