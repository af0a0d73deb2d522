// LRU cache with limits on entries and on bytes.
//
//   LruCache<Answer> cache({.max_entries = 10'000, .max_bytes = 4 << 20});
//   cache.Put(key, answer, key.size() + answer.reason.size());
//   if (Answer* answer = cache.Find(key)) …  // valid until the next call of Put, Take or Clear
//
// Evicts the least recently used entries. Not thread-safe.
#ifndef REGISTRY_BASE_LRU_CACHE_H_
#define REGISTRY_BASE_LRU_CACHE_H_

#include <cstddef>
#include <iterator>
#include <limits>
#include <list>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace registry::base {

template <class Value>
class LruCache {
 public:
  struct Limits {
    size_t max_entries;
    size_t max_bytes = std::numeric_limits<size_t>::max();
  };

  // Cost of each entry besides the bytes that its owner counts: nodes of a list and a hash table.
  static constexpr size_t kEntryBytes = sizeof(Value) + 128;

  explicit LruCache(Limits limits) : limits_(limits) {}

  // Stores a value, replacing an older one of that key. `bytes`: the heap memory of key and value.
  // Does not store a value larger than the whole cache.
  void Put(absl::string_view key, Value value, size_t bytes) {
    Take(key);
    bytes += kEntryBytes;
    if (limits_.max_entries == 0 || bytes > limits_.max_bytes) return;
    while (entries_.size() >= limits_.max_entries || bytes_ > limits_.max_bytes - bytes) {
      Erase(std::prev(entries_.end()));
    }
    entries_.push_front({std::string(key), std::move(value), bytes});
    index_.emplace(entries_.front().key, entries_.begin());
    bytes_ += bytes;
  }

  // The value, which becomes the most recently used; nullptr if there is none.
  Value* Find(absl::string_view key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return &found->second->value;
  }

  // Removes and returns a value.
  std::optional<Value> Take(absl::string_view key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return std::nullopt;
    std::optional<Value> value = std::move(found->second->value);
    Erase(found->second);
    return value;
  }

  void Clear() {
    index_.clear();
    entries_.clear();
    bytes_ = 0;
  }

  size_t size() const { return entries_.size(); }
  size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    std::string key;
    Value value;
    size_t bytes;
  };
  using List = std::list<Entry>;

  void Erase(typename List::iterator entry) {
    bytes_ -= entry->bytes;
    index_.erase(entry->key);
    entries_.erase(entry);
  }

  const Limits limits_;
  size_t bytes_ = 0;
  // Most recently used first.
  List entries_;
  // Its keys are views of those in the list.
  absl::flat_hash_map<absl::string_view, typename List::iterator> index_;
};

}  // namespace registry::base

#endif  // REGISTRY_BASE_LRU_CACHE_H_
