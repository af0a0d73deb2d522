// The access policy of now.
//
//   PolicyHolder holder({.policy = policy, .revision = 1});
//   PolicySnapshot now = holder.Current();
//   Verdict verdict = now.policy->Decide(now.policy->FindUser("alice"), action);
//
// A request that keeps its snapshot sees one policy and never a mix. Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_POLICY_HOLDER_H_
#define REGISTRY_CONTROLPLANE_POLICY_HOLDER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "controlplane/policy.h"

namespace registry::controlplane {

struct PolicySnapshot {
  std::shared_ptr<const Policy> policy;
  // What it was made of, as PolicyStore has it; absent in some tests.
  std::shared_ptr<const PolicyObjects> objects;
  // Goes up with each change.
  int64_t revision = 0;
};

class PolicyHolder {
 public:
  using Listener = std::function<void()>;

  explicit PolicyHolder(PolicySnapshot first);

  PolicyHolder(const PolicyHolder&) = delete;
  PolicyHolder& operator=(const PolicyHolder&) = delete;

  PolicySnapshot Current() const;
  int64_t revision() const;

  // Requests that begin from now on see `next`; then calls the listeners. Does nothing when there
  // is a newer one already.
  void Replace(PolicySnapshot next);

  // `listener` is called after each replacement, by the thread that replaces, and must neither
  // block nor call this holder. Returns the id for RemoveListener, after which it is not called
  // any more.
  int64_t AddListener(Listener listener);
  void RemoveListener(int64_t id);

 private:
  mutable std::mutex mutex_;
  PolicySnapshot current_ ABSL_GUARDED_BY(mutex_);

  // Held while listeners run, and never together with mutex_.
  std::mutex listeners_mutex_;
  int64_t last_listener_id_ ABSL_GUARDED_BY(listeners_mutex_) = 0;
  absl::flat_hash_map<int64_t, Listener> listeners_ ABSL_GUARDED_BY(listeners_mutex_);
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_POLICY_HOLDER_H_
