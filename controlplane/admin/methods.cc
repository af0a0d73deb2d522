// The non-standard methods of AdminService.
#include <limits>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/call.h"
#include "base/limits.h"
#include "controlplane/admin/messages.h"
#include "controlplane/admin/request.h"
#include "controlplane/admin/service.h"
#include "controlplane/policy/edits.h"
#include "controlplane/policy/error.h"
#include "controlplane/policy/explain.h"

namespace registry::controlplane {

void AdminService::RevokeUserTokens(const v1::RevokeUserTokensRequest* request, Empty*,
                                    const base::CallInfo* call, base::Done done) {
  base::RunCall(pool_, call, std::move(done), [=, this]() -> absl::Status {
    const absl::StatusOr<std::string> id = IdOf("users", "name", request->name());
    if (!id.ok()) return id.status();
    return Change(
               {.actor = ActorOf(*call), .method = "RevokeUserTokens", .resource = request->name()},
               [&](PolicyObjects& objects) { return controlplane::RevokeUserTokens(objects, *id); })
        .status();
  });
}

void AdminService::Explain(const v1::ExplainRequest* request, v1::ExplainResponse* response,
                           const base::CallInfo* call, base::Done done) {
  base::RunCall(pool_, call, std::move(done), [=, this]() -> absl::Status {
    const absl::StatusOr<ExplainedAction> explained =
        controlplane::Explain(options_.store->holder()->Current(), request->subject(),
                              request->action(), request->repository());
    if (!explained.ok()) return explained.status();
    *response = ToMessage(*explained);
    return absl::OkStatus();
  });
}

void AdminService::ReloadFiles(const v1::ReloadFilesRequest*, v1::ReloadFilesResponse* response,
                               const base::CallInfo* call, base::Done done) {
  base::RunCall(pool_, call, std::move(done), [=, this]() -> absl::Status {
    absl::StatusOr<AdminServiceOptions::Reloaded> reloaded = options_.reload(ActorOf(*call));
    if (!reloaded.ok()) return reloaded.status();
    response->set_revision(reloaded->revision);
    for (std::string& warning : reloaded->warnings) response->add_warnings(std::move(warning));
    return absl::OkStatus();
  });
}

void AdminService::ListAuditEvents(const v1::ListAuditEventsRequest* request,
                                   v1::ListAuditEventsResponse* response,
                                   const base::CallInfo* call, base::Done done) {
  base::RunCall(pool_, call, std::move(done), [=, this]() -> absl::Status {
    constexpr absl::string_view kCollection = "auditEvents";
    const absl::StatusOr<size_t> size = PageSize(request->page_size());
    if (!size.ok()) return size.status();
    const absl::StatusOr<std::string> last = ReadPageToken(kCollection, request->page_token());
    if (!last.ok()) return last.status();
    int64_t before = std::numeric_limits<int64_t>::max();
    if (!last->empty() && !absl::SimpleAtoi(*last, &before)) {
      return InvalidField("page_token",
                          "is not from this method; send the next_page_token unchanged");
    }
    // One event more shows whether there is another page.
    const absl::StatusOr<std::vector<AuditEvent>> events =
        controlplane::ListAuditEvents(*options_.database, before, static_cast<int>(*size) + 1);
    if (!events.ok()) return events.status();
    size_t bytes = 0;
    for (const AuditEvent& event : *events) {
      const bool full = static_cast<size_t>(response->audit_events_size()) == *size ||
                        bytes >= base::kMaxAdminPageBytes;
      if (full) {
        response->set_next_page_token(MakePageToken(kCollection, absl::StrCat(before)));
        break;
      }
      *response->add_audit_events() = ToMessage(event);
      bytes += response->audit_events().rbegin()->ByteSizeLong();
      before = event.id;
    }
    return absl::OkStatus();
  });
}

}  // namespace registry::controlplane
