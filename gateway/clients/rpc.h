// gRPC calls as awaitables: unary calls, and streams one message at a time.
//
// Include it only where stubs are used, because gRPC's and Beast's headers are heavy.
// A call belongs to one coroutine. Errors are those of the other plane, including payloads, or
// gRPC's own UNAVAILABLE and DEADLINE_EXCEEDED.
#ifndef REGISTRY_GATEWAY_CLIENTS_RPC_H_
#define REGISTRY_GATEWAY_CLIENTS_RPC_H_

#include <grpcpp/grpcpp.h>
#include <grpcpp/support/client_callback.h>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/client_call.h"
#include "base/grpc_status.h"
#include "base/http/awaitable.h"

namespace registry::gateway {

// `start` begins the call: [&](grpc::ClientContext*, Response*, std::function<void(grpc::Status)>).
//
//   co_await Call<v1::Blob>(base::kRpcDeadline, [&](auto* context, auto* response, auto done) {
//     stub.async()->GetBlob(context, &request, response, std::move(done));
//   });
template <class Response, class Start>
http::Awaitable<absl::StatusOr<Response>> Call(std::chrono::milliseconds deadline, Start start) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + deadline);
  Response response;
  const grpc::Status status = co_await http::Suspend<grpc::Status>(
      [&](auto done) { start(&context, &response, std::move(done)); },
      [&context] { context.TryCancel(); });
  if (!status.ok()) co_return base::FromGrpcStatus(status);
  co_return std::move(response);
}

namespace rpc_internal {

// Hands one result to one waiter; either may come first.
template <class T>
class Slot {
 public:
  void Put(T value) {
    std::function<void(T)> waiter;
    {
      std::lock_guard lock(mutex_);
      if (!waiter_) {
        value_ = std::move(value);
        return;
      }
      waiter = std::move(waiter_);
      waiter_ = nullptr;
    }
    waiter(std::move(value));
  }

  // Cancelling the coroutine cancels `call`.
  http::Awaitable<T> Take(base::ClientCall& call) {
    auto start = [this](auto done) {
      std::optional<T> value;
      {
        std::lock_guard lock(mutex_);
        if (!value_) {
          waiter_ = std::move(done);
          return;
        }
        value.swap(value_);
      }
      done(*std::move(value));
    };
    return http::Suspend<T>(std::move(start), [&call] { call.Cancel(); });
  }

 private:
  std::mutex mutex_;
  std::function<void(T)> waiter_ ABSL_GUARDED_BY(mutex_);
  std::optional<T> value_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rpc_internal

// A client-streaming call. Destroying it unfinished cancels it.
template <class Request, class Response>
class ClientWriter {
 public:
  // `start` begins the call: [&](grpc::ClientContext*, Response*, ClientWriteReactor<Request>*).
  template <class Start>
  explicit ClientWriter(Start start) : call_(std::make_shared<State>()) {
    // gRPC's OnDone releases this reference.
    call_->self = call_;
    start(call_->call.context(), &call_->response, call_.get());
    // The peer may end the call at any time. Without the hold, OnDone could run before the
    // operation that notices the end.
    call_->AddHold();
    call_->StartCall();
  }
  ~ClientWriter() {
    if (finished_) return;
    call_->call.Cancel();
    call_->RemoveHold();
  }
  ClientWriter(const ClientWriter&) = delete;
  ClientWriter& operator=(const ClientWriter&) = delete;

  // Sends one message; returns when gRPC has taken it. Returns false if the call is over; Finish
  // then returns the reason.
  http::Awaitable<bool> Write(Request message) {
    call_->message = std::move(message);
    call_->StartWrite(&call_->message);
    co_return co_await call_->written.Take(call_->call);
  }

  // Ends the stream and waits for the answer. Call it once.
  http::Awaitable<absl::StatusOr<Response>> Finish() {
    call_->StartWritesDone();
    finished_ = true;
    call_->RemoveHold();
    const grpc::Status status = co_await call_->done.Take(call_->call);
    if (!status.ok()) co_return base::FromGrpcStatus(status);
    co_return std::move(call_->response);
  }

 private:
  struct State final : grpc::ClientWriteReactor<Request> {
    void OnWriteDone(bool ok) override { written.Put(ok); }
    void OnDone(const grpc::Status& status) override {
      const std::shared_ptr<State> keep = std::move(self);
      call.Release();
      done.Put(status);
    }
    std::shared_ptr<State> self;
    base::ClientCall call;
    Request message;
    Response response;
    rpc_internal::Slot<bool> written;
    rpc_internal::Slot<grpc::Status> done;
  };

  std::shared_ptr<State> call_;
  bool finished_ = false;
};

// A server-streaming call. Destroying it before its end cancels it.
template <class Response>
class ClientReader {
 public:
  // `start` begins the call: [&](grpc::ClientContext*, ClientReadReactor<Response>*). It may set a
  // deadline; a request must live until it returns.
  template <class Start>
  explicit ClientReader(Start start) : call_(std::make_shared<State>()) {
    call_->self = call_;
    start(call_->call.context(), call_.get());
    call_->AddHold();
    call_->StartCall();
  }
  ~ClientReader() {
    if (finished_) return;
    call_->call.Cancel();
    call_->RemoveHold();
  }
  ClientReader(const ClientReader&) = delete;
  ClientReader& operator=(const ClientReader&) = delete;

  // The next message; nullopt if the stream is over. Finish then returns the reason.
  http::Awaitable<std::optional<Response>> Read() {
    call_->StartRead(&call_->message);
    const bool ok = co_await call_->read.Take(call_->call);
    if (!ok) co_return std::nullopt;
    co_return std::move(call_->message);
  }

  // Call it after Read has returned nullopt.
  http::Awaitable<absl::Status> Finish() {
    finished_ = true;
    call_->RemoveHold();
    const grpc::Status status = co_await call_->done.Take(call_->call);
    co_return base::FromGrpcStatus(status);
  }

  // Ends the call from another thread or coroutine: Read then returns nullopt.
  void Cancel() { call_->call.Cancel(); }

 private:
  struct State final : grpc::ClientReadReactor<Response> {
    void OnReadDone(bool ok) override { read.Put(ok); }
    void OnDone(const grpc::Status& status) override {
      const std::shared_ptr<State> keep = std::move(self);
      call.Release();
      done.Put(status);
    }
    std::shared_ptr<State> self;
    base::ClientCall call;
    Response message;
    rpc_internal::Slot<bool> read;
    rpc_internal::Slot<grpc::Status> done;
  };

  std::shared_ptr<State> call_;
  bool finished_ = false;
};

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_CLIENTS_RPC_H_
