#include "app/admin/admin.h"

#include <google/protobuf/util/json_util.h>
#include <grpc/support/log.h>

#include "app/admin/run.h"
#include "app/config/arguments.h"

namespace registry::app::admin {

absl::Status Run::PrintJson(const google::protobuf::Message& message) const {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.always_print_primitive_fields = true;
  std::string text;
  const auto status = google::protobuf::util::MessageToJsonString(message, &text, options);
  if (!status.ok()) return absl::InternalError(status.ToString());
  Print(text);
  return absl::OkStatus();
}

int RunAdmin(const Cli& cli, absl::Span<const char* const> args) {
  // The statuses of calls tell what gRPC would log.
  ::gpr_set_log_function([](gpr_log_func_args*) {});
  const auto fail = [&](int code, const absl::Status& status) {
    cli.errors << kProgramName << ": " << status.message() << std::endl;
    return code;
  };
  const absl::StatusOr<AdminArguments> arguments = ParseAdminArguments(args, cli.environment);
  if (!arguments.ok()) return fail(kExitUsage, arguments.status());
  const absl::StatusOr<std::unique_ptr<Client>> client = Client::Create(arguments->target);
  if (!client.ok()) return fail(kExitFailed, client.status());
  const Run run{cli, *arguments, **client};
  const absl::Status status =
      arguments->type == nullptr ? RunPolicyCommand(run) : RunResourceCommand(run);
  // Also show the work done before a failure.
  cli.output << std::flush;
  if (!status.ok()) return fail(kExitFailed, status);
  if (cli.output.good()) return kExitOk;
  return fail(kExitFailed, absl::UnavailableError("cannot write to standard output"));
}

}  // namespace registry::app::admin
