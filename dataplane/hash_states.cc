#include "dataplane/hash_states.h"

#include <algorithm>
#include <memory>
#include <utility>

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
  // Size of OpenSSL's context for either algorithm.
  constexpr size_t kContextBytes = 512;
  std::lock_guard lock(mutex_);
  states_.Put(incarnation.ToString(), std::move(state), kContextBytes);
}

std::optional<HashState> HashStates::Take(const Incarnation& incarnation) {
  std::lock_guard lock(mutex_);
  return states_.Take(incarnation.ToString());
}

}  // namespace registry::dataplane
