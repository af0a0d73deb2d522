#include "app/cli.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "app/config/files.h"
#include "app/genhash.h"
#include "app/help.h"
#include "app/version.h"
#include "base/quote.h"
#include "controlplane/policy/policy.h"

namespace registry::app {
namespace {

using Args = absl::Span<const char* const>;

int Fail(const Cli& cli, ExitCode code, absl::string_view message) {
  cli.errors << kProgramName << ": " << message << std::endl;
  return code;
}

bool IsHelpFlag(absl::string_view arg) { return arg == "-h" || arg == "-help" || arg == "--help"; }

// A failed write (a full disk, for example) must not look like success.
int Print(const Cli& cli, absl::string_view text) {
  cli.output << text << std::flush;
  if (cli.output.good()) return kExitOk;
  return Fail(cli, kExitFailed, "cannot write to standard output");
}

int Unknown(const Cli& cli, absl::string_view command) {
  return Fail(
      cli, kExitUsage,
      absl::StrCat("unknown command ", base::Quote(command),
                   ": the commands are serve, admin, check, genhash, version and help; see '",
                   kProgramName, " help'"));
}

int RunHelp(const Cli& cli, Args args) {
  if (args.size() > 1) {
    return Fail(cli, kExitUsage,
                absl::StrCat("help takes at most one command; see '", kProgramName, " help'"));
  }
  const absl::string_view command = args.empty() ? "" : args[0];
  const absl::string_view text = HelpText(command);
  return text.empty() ? Unknown(cli, command) : Print(cli, text);
}

int RunServe(const Cli& cli, Args args) {
  const absl::StatusOr<ServeFlags> flags = ParseServeFlags(args, cli.environment);
  if (!flags.ok()) return Fail(cli, kExitUsage, flags.status().message());
  return cli.serve(*flags);
}

int RunCheck(const Cli& cli, Args args) {
  const absl::StatusOr<std::vector<std::string>> folders = ParseCheckFlags(args, cli.environment);
  if (!folders.ok()) return Fail(cli, kExitUsage, folders.status().message());
  const absl::StatusOr<LoadedFiles> files = LoadFolders(*folders);
  absl::Status status = files.status();
  // Finds the mistakes that span several files.
  if (status.ok()) status = controlplane::Policy::Create(files->objects).status();
  if (!status.ok()) {
    cli.errors << status.message() << std::endl;
    return kExitFailed;
  }
  std::vector<std::string> warnings = files->warnings;
  const std::string half_certificate = HalfCertificate(files->configuration);
  if (!half_certificate.empty()) warnings.push_back(half_certificate);
  for (const std::string& warning : warnings) cli.errors << "warning: " << warning << "\n";
  const controlplane::PolicyObjects& objects = files->objects;
  return Print(cli, absl::StrCat("ok: ", objects.users.size(), " users, ", objects.roles.size(),
                                 " roles, ", objects.bindings.size(), " role bindings, ",
                                 objects.tokens.size(), " tokens\n"));
}

int RunGenhash(const Cli& cli) {
  const absl::StatusOr<std::string> hash = HashFromInput(cli.input_fd, cli.errors);
  if (!hash.ok()) return Fail(cli, kExitFailed, hash.status().message());
  return Print(cli, absl::StrCat(*hash, "\n"));
}

}  // namespace

int RunCli(const Cli& cli) {
  if (cli.args.empty()) {
    return Fail(cli, kExitUsage,
                absl::StrCat("no command given; try '", kProgramName, " serve' or '", kProgramName,
                             " help'"));
  }
  const absl::string_view command = cli.args[0];
  const Args args = cli.args.subspan(1);
  if (IsHelpFlag(command)) return Print(cli, HelpText(""));
  if (command == "help") {
    const bool of_help = args.size() == 1 && IsHelpFlag(args[0]);
    return of_help ? Print(cli, HelpText("help")) : RunHelp(cli, args);
  }
  if (HelpText(command).empty() || command.empty()) return Unknown(cli, command);
  if (std::any_of(args.begin(), args.end(), IsHelpFlag)) return Print(cli, HelpText(command));
  if (command == "serve") return RunServe(cli, args);
  if (command == "admin") {
    // People also ask for help like this of a command that has subcommands.
    return !args.empty() && args[0] == absl::string_view("help") ? Print(cli, HelpText("admin"))
                                                                 : cli.admin(cli, args);
  }
  if (command == "check") return RunCheck(cli, args);
  if (!args.empty()) {
    return Fail(cli, kExitUsage,
                absl::StrCat(command, " takes no arguments, but was given ", base::Quote(args[0]),
                             "; see '", kProgramName, " help ", command, "'"));
  }
  if (command == "genhash") return RunGenhash(cli);
  return Print(cli, absl::StrCat(kProgramName, " ", Version(), "\n"));
}

}  // namespace registry::app
