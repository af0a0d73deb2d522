#include <unistd.h>

#include <iostream>

#include "app/admin/admin.h"
#include "app/cli.h"
#include "app/serve.h"

int main(int argc, char** argv) {
  const registry::app::Cli cli{
      .args = absl::MakeConstSpan(argv, static_cast<size_t>(argc)).subspan(argc > 0 ? 1 : 0),
      .environment = registry::app::RegistryEnvironment(environ),
      .serve = registry::app::Serve,
      .admin = registry::app::admin::RunAdmin,
      .input_fd = STDIN_FILENO,
      .output = std::cout,
      .errors = std::cerr,
  };
  return registry::app::RunCli(cli);
}
