// Runs the command that the command line names, and returns the exit code.
//
//   int main(int argc, char** argv) {
//     return RunCli({.args = {argv + 1, argv + argc},
//                    .environment = RegistryEnvironment(environ),
//                    .serve = Serve,
//                    .admin = admin::RunAdmin});
//   }
#ifndef REGISTRY_APP_CLI_H_
#define REGISTRY_APP_CLI_H_

#include <functional>
#include <iostream>

#include "absl/types/span.h"
#include "app/config/flags.h"

namespace registry::app {

enum ExitCode : int {
  kExitOk = 0,
  kExitFailed = 1,
  // Bad command line.
  kExitUsage = 2,
};

struct Cli {
  // Excludes the program's name.
  absl::Span<const char* const> args;
  Environment environment;
  // Runs the registry and returns the exit code.
  std::function<int(const ServeFlags&)> serve;
  // Runs `admin` with the arguments after that word and returns the exit code.
  std::function<int(const Cli&, absl::Span<const char* const>)> admin;

  int input_fd = 0;
  std::ostream& output = std::cout;
  std::ostream& errors = std::cerr;
};

// Returns the exit code.
int RunCli(const Cli& cli);

}  // namespace registry::app

#endif  // REGISTRY_APP_CLI_H_
