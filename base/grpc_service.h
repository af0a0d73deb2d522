// Binds the logic of a service (base/call.h) to gRPC's callback API. A service's methods are then:
//
//   grpc::ServerUnaryReactor* GetBlob(grpc::CallbackServerContext* context,
//                                     const v1::GetBlobRequest* request,
//                                     v1::Blob* response) override {
//     return base::BindUnary(logic_, &Logic::GetBlob, context, request, response);
//   }
//
// Thread-safe.
#ifndef REGISTRY_BASE_GRPC_SERVICE_H_
#define REGISTRY_BASE_GRPC_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "base/call.h"
#include "base/grpc_status.h"

namespace registry::base {

template <class Logic, class Request, class Response>
using UnaryMethod = void (Logic::*)(const Request*, Response*, const CallInfo*, Done);

// gRPC's own reactor: the end of a call needs no other thread.
template <class Logic, class Request, class Response>
grpc::ServerUnaryReactor* BindUnary(Logic& logic, UnaryMethod<Logic, Request, Response> method,
                                    grpc::CallbackServerContext* context, const Request* request,
                                    Response* response, Peer peer = {}) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const std::shared_ptr<const CallInfo> info(
      new CallInfo{.deadline = context->deadline(),
                   .cancellation = Cancellation([context] { return context->IsCancelled(); }),
                   .peer = std::move(peer)});
  (logic.*method)(request, response, info.get(), [reactor, info](const absl::Status& status) {
    reactor->Finish(ToGrpcStatus(status));
  });
  return reactor;
}

// A unary call whose logic must learn at once that the caller has left.
class UnaryCall final : public grpc::ServerUnaryReactor {
 public:
  explicit UnaryCall(const grpc::CallbackServerContext& context) {
    info_.deadline = context.deadline();
  }

  const CallInfo* info() const { return &info_; }
  void OnCancel() override { info_.cancellation.Request(); }
  void OnDone() override { delete this; }

 private:
  CallInfo info_;
};

template <class Logic, class Request, class Response>
grpc::ServerUnaryReactor* BindCancellable(Logic& logic,
                                          UnaryMethod<Logic, Request, Response> method,
                                          grpc::CallbackServerContext* context,
                                          const Request* request, Response* response) {
  auto* call = new UnaryCall(*context);
  (logic.*method)(request, response, call->info(),
                  [call](const absl::Status& status) { call->Finish(ToGrpcStatus(status)); });
  return call;
}

// Sends the responses of a stream, the next when gRPC has taken the one before. So a call holds one
// response and no thread.
template <class Response>
class ResponseStreamCall final : public grpc::ServerWriteReactor<Response> {
 public:
  explicit ResponseStreamCall(const grpc::CallbackServerContext& context) {
    info_.deadline = context.deadline();
  }

  const CallInfo* info() const { return &info_; }

  void Start(absl::StatusOr<std::shared_ptr<ResponseStream<Response>>> stream) {
    if (!stream.ok()) return this->Finish(ToGrpcStatus(stream.status()));
    stream_ = *std::move(stream);
    Next();
  }

  void OnWriteDone(bool ok) override {
    if (ok) return Next();
    this->Finish(grpc::Status(grpc::StatusCode::CANCELLED, "the reader has gone away"));
  }
  void OnCancel() override { info_.cancellation.Request(); }
  void OnDone() override { delete this; }

 private:
  void Next() {
    stream_->Next(&response_, [this](const absl::StatusOr<bool>& more) {
      if (!more.ok()) return this->Finish(ToGrpcStatus(more.status()));
      if (!*more) return this->Finish(grpc::Status::OK);
      // Never in one batch with the status: gRPC 1.51 in process sometimes delivers the status and
      // loses the message.
      this->StartWrite(&response_);
    });
  }

  CallInfo info_;
  std::shared_ptr<ResponseStream<Response>> stream_;
  Response response_;
};

template <class Logic, class Request, class Response>
grpc::ServerWriteReactor<Response>* BindResponseStream(
    Logic& logic,
    absl::StatusOr<std::shared_ptr<ResponseStream<Response>>> (Logic::*method)(const Request*,
                                                                               const CallInfo*),
    grpc::CallbackServerContext* context, const Request* request) {
  auto* call = new ResponseStreamCall<Response>(*context);
  call->Start((logic.*method)(request, call->info()));
  return call;
}

// Takes requests, the next when the logic is ready for it. So gRPC's flow control slows a client
// that is faster than the logic.
template <class Request>
class RequestStreamCall final : public grpc::ServerReadReactor<Request> {
 public:
  // `stream`: that of a call whose Done is `done()`.
  void Start(std::shared_ptr<RequestStream<Request>> stream) {
    stream_ = std::move(stream);
    this->StartRead(stream_->buffer());
  }

  Done done() {
    return [this](const absl::Status& status) { this->Finish(ToGrpcStatus(status)); };
  }

  void OnReadDone(bool ok) override {
    if (!ok) return stream_->End();
    stream_->Take([this] { this->StartRead(stream_->buffer()); });
  }
  void OnDone() override { delete this; }

 private:
  std::shared_ptr<RequestStream<Request>> stream_;
};

template <class Logic, class Request, class Response>
grpc::ServerReadReactor<Request>* BindRequestStream(
    Logic& logic, std::shared_ptr<RequestStream<Request>> (Logic::*method)(Response*, Done),
    Response* response) {
  auto* call = new RequestStreamCall<Request>;
  call->Start((logic.*method)(response, call->done()));
  return call;
}

}  // namespace registry::base

#endif  // REGISTRY_BASE_GRPC_SERVICE_H_
