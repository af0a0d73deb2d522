// The clients that watch the policy: tells each the policy's revision at once, after each change,
// and as a heartbeat.
//
// One thread serves all of them. Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_ACCESS_POLICY_WATCH_H_
#define REGISTRY_CONTROLPLANE_ACCESS_POLICY_WATCH_H_

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "controlplane/policy/holder.h"
#include "registry/v1/access.pb.h"

namespace registry::controlplane {

class PolicyWatch {
 public:
  // One client. Thread-safe; no method blocks, or calls the PolicyWatch.
  class Watcher {
   public:
    virtual ~Watcher() = default;
    // There may be a new revision, or it is time for a heartbeat: send Newest(). A slow client
    // skips revisions.
    virtual void Notify() = 0;
    // The client must go.
    virtual void End(const absl::Status& status) = 0;
  };

  PolicyWatch(std::shared_ptr<PolicyHolder> policy, std::chrono::milliseconds heartbeat,
              size_t max_watchers);

  // Its watchers must be gone.
  ~PolicyWatch();

  PolicyWatch(const PolicyWatch&) = delete;
  PolicyWatch& operator=(const PolicyWatch&) = delete;

  // Notifies the watcher, from before this returns until Remove; or ends it, if there are too many.
  void Add(std::shared_ptr<Watcher> watcher);
  void Remove(Watcher* watcher);

  v1::WatchPolicyResponse Newest() const;

  // Ends all watchers, including those added later, with UNAVAILABLE, so that a server can shut
  // down without waiting for its clients.
  void Close();

 private:
  void Run();

  const std::shared_ptr<PolicyHolder> policy_;
  // The epoch in WatchPolicyResponse: lets gateways notice that the database was restored.
  const std::string epoch_;
  const std::chrono::milliseconds heartbeat_;
  const size_t max_watchers_;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool changed_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::flat_hash_map<Watcher*, std::shared_ptr<Watcher>> watchers_ ABSL_GUARDED_BY(mutex_);

  int64_t listener_id_;
  std::thread thread_;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_ACCESS_POLICY_WATCH_H_
