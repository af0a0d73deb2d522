#include "dataplane/storage_service.h"

#include <algorithm>
#include <optional>

#include "absl/status/statusor.h"
#include "base/limits.h"
#include "dataplane/incarnation_list.h"
#include "dataplane/read_session.h"
#include "dataplane/write_session.h"
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

void StorageService::GetNode(const v1::GetNodeRequest* /*request*/, v1::Node* response,
                             const base::CallInfo* /*call*/, base::Done done) {
  *response = node_;
  done(absl::OkStatus());
}

void StorageService::Finish(const v1::FinishRequest* request, v1::FinishResponse* response,
                            const base::CallInfo* call, base::Done done) {
  Run(request->incarnation(), FileExecutor::kLong, call, std::move(done),
      [=, this](const Incarnation& incarnation) -> absl::Status {
        absl::StatusOr<oci::Digest> digest = oci::Digest::Parse(request->digest());
        if (!digest.ok()) return digest.status();
        absl::StatusOr<int64_t> size = uploads_.Finish(
            incarnation, *digest, [call] { return call->cancellation.requested(); });
        if (!size.ok()) return size.status();
        response->set_size_bytes(*size);
        return absl::OkStatus();
      });
}

void StorageService::Stat(const v1::StatRequest* request, v1::StatResponse* response,
                          const base::CallInfo* call, base::Done done) {
  Run(request->incarnation(), FileExecutor::kShort, call, std::move(done),
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

void StorageService::List(const v1::ListRequest* request, v1::ListResponse* response,
                          const base::CallInfo* /*call*/, base::Done done) {
  const absl::Status queued =
      executor_.Submit([=, this] { done(FillList(folder_, *request, *response)); });
  if (!queued.ok()) done(queued);
}

absl::StatusOr<std::shared_ptr<base::ResponseStream<v1::ReadResponse>>> StorageService::Read(
    const v1::ReadRequest* request, const base::CallInfo* call) {
  absl::StatusOr<Incarnation> incarnation = Incarnation::Parse(request->incarnation());
  if (!incarnation.ok()) return incarnation.status();
  absl::StatusOr<oci::Digest> digest = oci::Digest::Parse(request->digest());
  if (!digest.ok()) return digest.status();
  return std::make_shared<ReadSession>(blobs_, executor_, *request, *std::move(incarnation),
                                       *std::move(digest), call);
}

std::shared_ptr<base::RequestStream<v1::WriteRequest>> StorageService::Write(
    v1::WriteResponse* response, base::Done done) {
  return std::make_shared<WriteSession>(uploads_, executor_, response, std::move(done));
}

void StorageService::Delete(const v1::DeleteRequest* request, v1::DeleteResponse* /*response*/,
                            const base::CallInfo* call, base::Done done) {
  Run(request->incarnation(), FileExecutor::kShort, call, std::move(done),
      [=, this](const Incarnation& incarnation) -> absl::Status {
        absl::StatusOr<std::optional<oci::Digest>> hint = ParseHint(request->digest());
        if (!hint.ok()) return hint.status();
        return uploads_.Delete(incarnation, *hint);
      });
}

void StorageService::Run(const std::string& incarnation, FileExecutor::Length length,
                         const base::CallInfo* call, base::Done done, Work work) {
  absl::StatusOr<Incarnation> parsed = Incarnation::Parse(incarnation);
  absl::Status status = parsed.status();
  if (status.ok()) {
    status = executor_.Submit(*parsed, length, [=, work = std::move(work)] {
      done(call->IsAbandoned() ? base::AbandonedError() : work(*parsed));
    });
  }
  if (!status.ok()) done(status);
}

}  // namespace registry::dataplane
