// LRU cache of the hash states of uploads between requests, so that closing an upload need not read
// it again.
//
// OpenSSL cannot export a hash state, so states live only in memory and may be lost at any time:
// the cache is bounded, and a restart loses all. Thread-safe.
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

// Reads the first `size_bytes` bytes of an open file and returns their hash state. `path` is for
// messages. Calls `cancelled` now and then. Errors: DATA_LOSS, CANCELLED.
absl::StatusOr<HashState> HashFile(int fd, int64_t size_bytes, absl::string_view path,
                                   oci::DigestAlgorithm algorithm,
                                   const std::function<bool()>& cancelled);

class HashStates {
 public:
  explicit HashStates(size_t max_entries) : states_({.max_entries = max_entries}) {}

  void Put(const Incarnation& incarnation, HashState state);

  // Removes and returns the state; nullopt if there is none.
  std::optional<HashState> Take(const Incarnation& incarnation);

 private:
  std::mutex mutex_;
  base::LruCache<HashState> states_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace registry::dataplane

#endif  // REGISTRY_DATAPLANE_HASH_STATES_H_
