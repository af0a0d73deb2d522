#include "dataplane/storage_service.h"

#include <algorithm>
#include <optional>

#include "absl/status/statusor.h"
#include "base/grpc_server.h"
#include "base/grpc_status.h"
#include "base/limits.h"
#include "dataplane/incarnation_list.h"
#include "dataplane/read_reactor.h"
#include "dataplane/write_reactor.h"
#include "oci/digest.h"

namespace registry::dataplane {
namespace {

absl::StatusOr<std::optional<oci::Digest>> ParseHint(const std::string& text) {
  if (text.empty()) return std::nullopt;
  absl::StatusOr<oci::Digest> digest = oci::Digest::Parse(text);
  if (!digest.ok()) return digest.status();
  return *std::move(digest);
}

absl::Status FillList(const DataFolder& folder, const v1::ListRequest& request,
                      v1::ListResponse& response) {
  if (request.state() != v1::INCARNATION_STATE_UNFINISHED &&
      request.state() != v1::INCARNATION_STATE_FINISHED) {
    return absl::InvalidArgumentError(
        "invalid state: ask for either unfinished or finished incarnations");
  }
  const size_t limit =
      request.limit() > 0 ? static_cast<size_t>(request.limit()) : base::kMaxListedIncarnations;
  absl::StatusOr<IncarnationPage> page =
      ListIncarnations(folder, request.state() == v1::INCARNATION_STATE_FINISHED, request.cursor(),
                       std::min(limit, base::kMaxListedIncarnations));
  if (!page.ok()) return page.status();
  for (const ListedIncarnation& listed : page->incarnations) {
    v1::StoredIncarnation& out = *response.add_incarnations();
    out.set_incarnation(listed.incarnation.ToString());
    if (listed.digest.has_value()) out.set_digest(listed.digest->ToString());
    out.set_size_bytes(listed.size_bytes);
    out.set_age_ms(listed.age_ms);
  }
  response.set_next(std::move(page->next));
  return absl::OkStatus();
}

}  // namespace

grpc::ServerUnaryReactor* StorageService::GetNode(grpc::CallbackServerContext* context,
                                                  const v1::GetNodeRequest* /*request*/,
                                                  v1::Node* response) {
  *response = node_;
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerReadReactor<v1::WriteRequest>* StorageService::Write(
    grpc::CallbackServerContext* /*context*/, v1::WriteResponse* response) {
  return WriteReactor::Start(uploads_, executor_, response);
}

grpc::ServerUnaryReactor* StorageService::Finish(grpc::CallbackServerContext* context,
                                                 const v1::FinishRequest* request,
                                                 v1::FinishResponse* response) {
  return Run(context, request->incarnation(), FileExecutor::kLong,
             [=, this](const Incarnation& incarnation) -> absl::Status {
               absl::StatusOr<oci::Digest> digest = oci::Digest::Parse(request->digest());
               if (!digest.ok()) return digest.status();
               absl::StatusOr<int64_t> size = uploads_.Finish(
                   incarnation, *digest, [context] { return context->IsCancelled(); });
               if (!size.ok()) return size.status();
               response->set_size_bytes(*size);
               return absl::OkStatus();
             });
}

grpc::ServerUnaryReactor* StorageService::Stat(grpc::CallbackServerContext* context,
                                               const v1::StatRequest* request,
                                               v1::StatResponse* response) {
  return Run(context, request->incarnation(), FileExecutor::kShort,
             [=, this](const Incarnation& incarnation) -> absl::Status {
               absl::StatusOr<std::optional<oci::Digest>> hint = ParseHint(request->digest());
               if (!hint.ok()) return hint.status();
               absl::StatusOr<StoredSize> stored = uploads_.Stat(incarnation, *hint);
               if (!stored.ok()) return stored.status();
               response->set_size_bytes(stored->size_bytes);
               response->set_finished(stored->finished);
               return absl::OkStatus();
             });
}

grpc::ServerUnaryReactor* StorageService::List(grpc::CallbackServerContext* context,
                                               const v1::ListRequest* request,
                                               v1::ListResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const absl::Status queued = executor_.Submit(
      [=, this] { reactor->Finish(base::ToGrpcStatus(FillList(folder_, *request, *response))); });
  if (!queued.ok()) reactor->Finish(base::ToGrpcStatus(queued));
  return reactor;
}

grpc::ServerWriteReactor<v1::ReadResponse>* StorageService::Read(
    grpc::CallbackServerContext* /*context*/, const v1::ReadRequest* request) {
  return ReadReactor::Start(blobs_, executor_, request);
}

grpc::ServerUnaryReactor* StorageService::Delete(grpc::CallbackServerContext* context,
                                                 const v1::DeleteRequest* request,
                                                 v1::DeleteResponse* /*response*/) {
  return Run(context, request->incarnation(), FileExecutor::kShort,
             [=, this](const Incarnation& incarnation) -> absl::Status {
               absl::StatusOr<std::optional<oci::Digest>> hint = ParseHint(request->digest());
               if (!hint.ok()) return hint.status();
               return uploads_.Delete(incarnation, *hint);
             });
}

grpc::ServerUnaryReactor* StorageService::Run(grpc::CallbackServerContext* context,
                                              const std::string& incarnation,
                                              FileExecutor::Length length, Work work) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::StatusOr<Incarnation> parsed = Incarnation::Parse(incarnation);
  absl::Status status = parsed.status();
  if (status.ok()) {
    status = executor_.Submit(*parsed, length, [=, work = std::move(work)] {
      reactor->Finish(
          base::ToGrpcStatus(base::IsAbandoned(*context) ? base::AbandonedError() : work(*parsed)));
    });
  }
  if (!status.ok()) reactor->Finish(base::ToGrpcStatus(status));
  return reactor;
}

}  // namespace registry::dataplane
