// Serves a server's open WatchPolicy streams: sends each the policy's revision at once, after each
// change, and as a heartbeat.
//
// One thread serves all streams. A stream has at most one message in flight; a slow client skips
// revisions and gets the newest when it is ready. Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_ACCESS_POLICY_WATCH_H_
#define REGISTRY_CONTROLPLANE_ACCESS_POLICY_WATCH_H_

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "controlplane/policy/holder.h"
#include "registry/v1/access.pb.h"

namespace registry::controlplane {

class PolicyWatch {
 public:
  using Reactor = grpc::ServerWriteReactor<v1::WatchPolicyResponse>;

  PolicyWatch(std::shared_ptr<PolicyHolder> policy, std::chrono::milliseconds heartbeat,
              size_t max_streams);

  // Shut down the server of the streams first.
  ~PolicyWatch();

  PolicyWatch(const PolicyWatch&) = delete;
  PolicyWatch& operator=(const PolicyWatch&) = delete;

  // Begins a stream, which deletes itself when gRPC calls OnDone.
  Reactor* Open();

  // Ends all streams, including those opened later, with UNAVAILABLE, so that a server can shut
  // down without waiting for its clients.
  void Close();

 private:
  class Stream;

  void Run();
  void Remove(Stream* stream);

  const std::shared_ptr<PolicyHolder> policy_;
  // The epoch in WatchPolicyResponse: lets gateways notice that the database was restored.
  const std::string epoch_;
  const std::chrono::milliseconds heartbeat_;
  const size_t max_streams_;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool changed_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::flat_hash_map<Stream*, std::shared_ptr<Stream>> streams_ ABSL_GUARDED_BY(mutex_);

  int64_t listener_id_;
  std::thread thread_;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_ACCESS_POLICY_WATCH_H_
