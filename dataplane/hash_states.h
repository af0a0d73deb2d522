// The hash states of uploads between two requests, so that closing one need not read it again.
//
// OpenSSL cannot export a hash state, so they live in memory only and may be lost at any time:
// their number is bounded, the least recently used goes first, and a restart forgets all.
// Thread-safe.
#ifndef REGISTRY_DATAPLANE_HASH_STATES_H_
#define REGISTRY_DATAPLANE_HASH_STATES_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/hash.h"
#include "base/lru_cache.h"
#include "dataplane/incarnation.h"
#include "oci/digest.h"

namespace registry::dataplane {

// The hash of the first `size_bytes` bytes of an upload.
struct HashState {
  explicit HashState(oci::DigestAlgorithm algorithm)
      : algorithm(algorithm), hasher(oci::DigestAlgorithmName(algorithm).data()) {}

  void Update(absl::string_view bytes) {
    hasher.Update(bytes);
    size_bytes += static_cast<int64_t>(bytes.size());
  }
  oci::Digest Finish() const { return oci::Digest::FromHash(algorithm, hasher.Finish()); }

  oci::DigestAlgorithm algorithm;
  base::Hasher hasher;
  int64_t size_bytes = 0;
};

// The state after the first `size_bytes` bytes of an open file, by reading them; `path` is for
// messages, and `cancelled` is asked now and then. Errors: DATA_LOSS, CANCELLED.
absl::StatusOr<HashState> HashFile(int fd, int64_t size_bytes, absl::string_view path,
                                   oci::DigestAlgorithm algorithm,
                                   const std::function<bool()>& cancelled);

class HashStates {
 public:
  explicit HashStates(size_t max_entries) : states_({.max_entries = max_entries}) {}

  void Put(const Incarnation& incarnation, HashState state);

  // Takes the state out; nullopt when there is none.
  std::optional<HashState> Take(const Incarnation& incarnation);

 private:
  std::mutex mutex_;
  base::LruCache<HashState> states_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace registry::dataplane

#endif  // REGISTRY_DATAPLANE_HASH_STATES_H_
