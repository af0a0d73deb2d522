// Holds the current access policy.
//
//   PolicyHolder holder({.policy = policy, .revision = 1});
//   PolicySnapshot now = holder.Current();
//   Verdict verdict = now.policy->Decide(now.policy->FindUser("alice"), action);
//
// A request that keeps its snapshot sees one policy, never a mix of two. Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_POLICY_HOLDER_H_
#define REGISTRY_CONTROLPLANE_POLICY_HOLDER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "controlplane/policy/policy.h"

namespace registry::controlplane {

struct PolicySnapshot {
  std::shared_ptr<const Policy> policy;
  // The objects behind `policy`, as PolicyStore stores them; absent in some tests.
  std::shared_ptr<const PolicyObjects> objects;
  // Increases with each change.
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

  // New requests see `next` from now on; then calls the listeners. Does nothing if the current
  // policy is newer.
  void Replace(PolicySnapshot next);

  // The thread that replaces the policy calls `listener` after each replacement. A listener must
  // neither block nor call this holder. Returns the id for RemoveListener, which ends the calls.
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
