// The commands explain, reload and audit.
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "app/admin/message_fields.h"
#include "app/admin/run.h"
#include "app/admin/table.h"
#include "registry/v1/admin.pb.h"

namespace registry::app::admin {
namespace {

absl::Status Explain(const Run& run) {
  v1::ExplainRequest request;
  // A bare name is a user.
  const std::string& subject = run.arguments.words[0];
  const bool is_name = absl::StartsWith(subject, "users/") || absl::StartsWith(subject, "groups/");
  request.set_subject(is_name ? subject : absl::StrCat("users/", subject));
  request.set_action(run.arguments.words[1]);
  if (run.arguments.words.size() > 2) request.set_repository(run.arguments.words[2]);
  v1::ExplainResponse explained;
  if (absl::Status status = run.client.Call("Explain", request, explained); !status.ok()) {
    return status;
  }
  if (run.arguments.json) return run.PrintJson(explained);
  run.Print(absl::StrCat(explained.reason(), "\n\n"));
  Table table({"ASKS", "ALLOWED", "BINDING", "ROLE", "NEAREST MISS"});
  for (const v1::ExplainResponse::Check& check : explained.checks()) {
    const std::string verb = v1::Verb_Name(check.action().verb());
    const std::string resource = v1::Resource_Name(check.action().resource());
    table.Add({absl::StrCat(verb.substr(verb.find('_') + 1), " ",
                            absl::AsciiStrToLower(resource.substr(resource.find('_') + 1))),
               TextOf(check, "allowed"), TextOf(check, "role_binding"), TextOf(check, "role"),
               TextOf(check, "nearest_miss")});
  }
  run.Print(table.ToString());
  return absl::OkStatus();
}

absl::Status Reload(const Run& run) {
  v1::ReloadFilesResponse reloaded;
  absl::Status status = run.client.Call("ReloadFiles", v1::ReloadFilesRequest(), reloaded);
  if (!status.ok()) return status;
  if (run.arguments.json) return run.PrintJson(reloaded);
  for (const std::string& warning : reloaded.warnings()) {
    run.cli.errors << "warning: " << warning << "\n";
  }
  run.Print(absl::StrCat("reloaded: the policy has revision ", reloaded.revision(), "\n"));
  return absl::OkStatus();
}

absl::Status Audit(const Run& run) {
  v1::ListAuditEventsResponse all;
  v1::ListAuditEventsRequest request;
  do {
    request.set_page_size(run.arguments.limit - all.audit_events_size());
    v1::ListAuditEventsResponse page;
    absl::Status status = run.client.Call("ListAuditEvents", request, page);
    if (!status.ok()) return status;
    request.set_page_token(page.next_page_token());
    page.clear_next_page_token();
    all.MergeFrom(page);
  } while (!request.page_token().empty() && all.audit_events_size() < run.arguments.limit);
  if (run.arguments.json) return run.PrintJson(all);
  Table table({"TIME", "WHO", "FROM", "METHOD", "RESOURCE", "DETAIL"});
  for (const v1::AuditEvent& event : all.audit_events()) {
    table.Add({TextOf(event, "time"), TextOf(event, "principal"), TextOf(event, "peer"),
               TextOf(event, "method"), event.resource().empty() ? "-" : event.resource(),
               TextOf(event, "detail")});
  }
  run.Print(table.ToString());
  return absl::OkStatus();
}

}  // namespace

absl::Status RunPolicyCommand(const Run& run) {
  if (run.arguments.command == "explain") return Explain(run);
  if (run.arguments.command == "reload") return Reload(run);
  return Audit(run);
}

}  // namespace registry::app::admin
